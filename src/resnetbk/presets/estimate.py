"""How long a run takes and how much memory, estimated before it runs.

Time: the operations of all its work, counted on one part of each shape, at the rate (operations a second on one
core) at which `make benchmark` had the models of the preset `base` take their steps. A kind of model that was not
measured is taken to be as slow as the slowest that was. Small matrices are slow: for models larger than the
default's, this is more than it will take. Audits, the evaluation on the test split and the start of processes are
left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from resnetbk.comparison.timings import MEASURE, TIMINGS_FILE, read_timings
from resnetbk.errors import UserError
from resnetbk.params.models import Model
from resnetbk.presets.dry_run import dry_run
from resnetbk.presets.overlay import experiments
from resnetbk.presets.workload import Work, workload

Rates = Mapping[str, float]  # operations a second, by kind of model


class Estimate(NamedTuple):
    """`memory_gib` is that of the tensors of the largest part."""

    core_hours: float
    memory_gib: float


def estimate(works: list[Work], rates: Rates) -> Estimate:
    """Estimate what work takes.

    **Arguments:** `works`: of `workload`; `rates`: of `measured_rates`.
    **Raises:** `UserError` as `dry_run`.
    """
    seconds, memory = 0.0, 0
    for work in works:
        costs = dry_run(work.shape).costs
        tokens = work.shape.batch * work.shape.length
        operations = work.parts * (costs["forward_flops"] + costs["backward_flops"])
        operations += work.tokens_read / tokens * costs["forward_flops"]
        seconds += operations / rates.get(_kind(work.shape.config), min(rates.values()))
        memory = max(memory, costs["peak_memory_bytes"])
    return Estimate(seconds / 3600, memory / 2**30)


def measured_rates(root: Path = Path()) -> Rates:
    """Return the operations a second of each kind of model that `make benchmark` has timed.

    **Arguments:** `root`: the repository.
    **Raises:** `UserError` when none was timed.
    """
    timings = read_timings(root).models
    works = {work.name: work for work in workload(experiments("base", root)[0])}
    rates = {}
    for name in works.keys() & timings.keys():
        costs = dry_run(works[name].shape).costs
        operations = costs["forward_flops"] + costs["backward_flops"]
        rates[_kind(works[name].shape.config)] = operations / timings[name].seconds
    if not rates:
        raise UserError(f"{root / TIMINGS_FILE}: no model of the preset base was timed; {MEASURE}")
    return rates


def _kind(config: Model) -> str:
    """Return what decides how fast operations go: the mixer of a ResNet-BK, else the family."""
    return getattr(config, "mixer", config.family)
