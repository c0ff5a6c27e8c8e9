"""Gradient spikes of a training, by a definition that stands in the parameters before it starts.

A logged step is a spike when its gradient norm (before clipping) is above `factor` times the median of the
`window` logged steps before it. The steps before there are so many cannot be one.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any


def gradient_spikes(history: Sequence[dict[str, Any]], *, factor: float, window: int) -> dict[str, Any]:
    """Count the spikes of a training's history.

    **Arguments:** `history`: rows of metrics/train/; those with a gradient_norm count.
    **Returns:** factor, window, steps_logged, steps_judged, and spikes: rows of step, gradient_norm and median.
    """
    rows = [row for row in history if "gradient_norm" in row]
    norms = [row["gradient_norm"] for row in rows]
    spikes = []
    for place in range(window, len(rows)):
        median = statistics.median(norms[place - window : place])
        if norms[place] > factor * median:
            spikes.append({"step": rows[place]["step"], "gradient_norm": norms[place], "median": median})
    return {
        "factor": factor,
        "window": window,
        "steps_logged": len(rows),
        "steps_judged": max(0, len(rows) - window),
        "spikes": spikes,
    }
