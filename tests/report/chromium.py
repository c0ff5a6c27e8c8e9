"""Tests of a page in a browser are skipped where there is none."""

import pytest

from resnetbk.benchmark.browser import find_chromium
from resnetbk.errors import UserError


def skip_without_chromium() -> None:
    try:
        find_chromium()
    except UserError as missing:
        pytest.skip(str(missing))
