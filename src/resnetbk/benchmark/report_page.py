"""How large the report is, and how long a browser takes from opening it to answering the first click."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnetbk.benchmark.browser import open_browser
from resnetbk.benchmark.paired import spread
from resnetbk.benchmark.record import measured_on
from resnetbk.benchmark.settings import Target
from resnetbk.errors import UserError
from resnetbk.repro.files import sha256_file

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TARGETS: dict[str, Target] = {
    "report_bytes": Target("at most", 3_000_000),
    "report_interactive_seconds": Target("at most", 1),
}
ROUNDS = 21
PHONE = 4  # times slower than this machine, which stands for a phone
VIEWPORTS = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
# Milliseconds from the start of the navigation to the frame that shows where the first number came from.
_ANSWERED = """() => new Promise((resolve) => {
  document.querySelector("main a.from").click();
  if (!document.querySelector("#panel:popover-open")) throw new Error("a click shows nothing");
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now())));
})"""


def time_report(path: Path, *, rounds: int = ROUNDS) -> dict[str, Any]:
    """Open the report again and again, each time with nothing kept of the last, and click on its first number.

    **Arguments:** `path`: report/index.html; `rounds`: how often it is opened.
    **Returns:** a dict for JSON: the page's size in bytes, its SHA-256, and for `desk` and `phone` (a processor
    four times slower) the seconds to the answer, with their quartiles; and what they were measured on.
    **Raises:** `UserError` when there is no report, or no browser.
    """
    if not path.is_file():
        raise UserError(f"{path}: not found; the stage 'plot' makes it: dvc repro plot")
    with open_browser() as browser:
        _seconds(browser, path, "desk")  # starts what a browser starts once
        seconds = {device: [_seconds(browser, path, device) for _ in range(rounds)] for device in VIEWPORTS}
        version = browser.version
    return {
        "bytes": path.stat().st_size,
        "sha256": sha256_file(path),
        "seconds": {device: asdict(spread(taken)) for device, taken in seconds.items()},
        "slowest": {device: max(taken) for device, taken in seconds.items()},
        "browser": version,
        "environment": measured_on(),
    }


def page_figures(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures that were asked for: the size, and by device the median of the seconds."""
    return {
        "report_bytes": details["bytes"],
        "report_interactive_seconds": {name: taken["median"] for name, taken in details["seconds"].items()},
    }


def _seconds(browser: Browser, path: Path, device: str) -> float:
    context = browser.new_context(viewport=VIEWPORTS[device])
    page = context.new_page()
    if device == "phone":
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": PHONE})
    page.goto(path.resolve().as_uri(), wait_until="domcontentloaded")
    answered = page.evaluate(_ANSWERED) / 1000
    context.close()
    return answered
