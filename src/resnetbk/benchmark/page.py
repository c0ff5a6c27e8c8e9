"""The benchmark as one HTML page, in the look of the report that it stands beside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import resnetbk.report
from resnetbk.benchmark import tables
from resnetbk.benchmark.run import figures
from resnetbk.benchmark.settings import TARGETS
from resnetbk.report.linking import Linking


def render_page(details: dict[str, Any]) -> bytes:
    """Render the page.

    **Arguments:** `details`: what `run_benchmark` returned.
    **Returns:** HTML in UTF-8 that needs nothing beside it, a function of the argument alone.
    """
    templates = [Path(__file__).parent, Path(resnetbk.report.__file__).parent]
    environment = Environment(
        loader=FileSystemLoader(templates, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    measured = figures(details)
    outcomes = [
        all(target.reached(value) for _, value in tables.by_model(measured[name]))
        for name, target in TARGETS.items()
    ]
    page = environment.get_template("benchmark.html").render(
        details=details,
        settings=details["settings"],
        host=details["environment"],
        reached=sum(outcomes),
        asked=len(outcomes),
        styles=[],
        linking=Linking({}),
        tables={
            "figures": tables.figures_table(details, measured),
            "streams": tables.stream_table(details),
            "states": tables.state_table(details),
            "decoding": tables.decoding_table(details),
            "memory": tables.memory_table(details),
        },
    )
    return page.encode()
