"""The one error of this package."""

from __future__ import annotations

from resnetbk.errors import UserError


class NotCheckable(UserError):
    """A run could not be compared at all; that says nothing of whether its bits are right."""
