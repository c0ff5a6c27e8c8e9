"""A headless Chromium, driven by Playwright: what a reader's browser makes of the report."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from resnetbk.errors import UserError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> Path:
    """Return the Chromium of this machine.

    **Raises:** `UserError` when there is none, or no Playwright to drive it.
    """
    if find_spec("playwright") is None:
        raise UserError("Playwright, which drives the browser, is not installed. Run: pip install -e '.[dev]'")
    for name in NAMES:
        if found := shutil.which(name):
            return Path(found)
    raise UserError(
        f"no Chromium on PATH ({', '.join(NAMES)}). Install one: apt-get install chromium, or what your system has"
    )


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Give a headless Chromium.

    **Raises:** `UserError` when there is none.
    """
    path = find_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        try:
            yield browser
        finally:
            browser.close()
