"""The learning rate: linear warm-up, then half a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983)."""

from __future__ import annotations

import math


def learning_rate(step: int, *, peak: float, minimum: float, warmup_steps: int, steps: int) -> float:
    """Return the learning rate of one optimiser step.

    **Arguments:** `step`: 0-based step in [0, steps); `peak`, `minimum`: rates; `warmup_steps` < `steps`.
    **Returns:** the rate, rounded to ten digits: the last bit of a host's cosine must not reach the weights.
    """
    if step < warmup_steps:
        rate = peak * (step + 1) / warmup_steps
    else:
        progress = (step - warmup_steps) / max(1, steps - 1 - warmup_steps)
        rate = minimum + (peak - minimum) * 0.5 * (1 + math.cos(math.pi * progress))
    return float(f"{rate:.10g}")
