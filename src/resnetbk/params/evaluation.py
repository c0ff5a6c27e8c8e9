"""The schema of the section `evaluate`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from resnetbk.params.section import Positive, Section


class Evaluate(Section):
    length: Annotated[int, Field(ge=2)]
    batch_size: Positive
    position_bucket: Positive
