"""The dry run of a preset: its schema, its models, one training step of each, and whether what it states holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from resnetbk.errors import UserError
from resnetbk.presets.dry_run import dry_run
from resnetbk.presets.estimate import Rates, estimate, measured_rates
from resnetbk.presets.files import DIRECTORY, About, load, preset_names
from resnetbk.presets.overlay import experiments
from resnetbk.presets.workload import Work, workload

FACTOR = 1.5  # between what a preset states and what is estimated, at most


def check(name: str | None, root: Path = Path()) -> Iterator[str]:
    """Try one preset, or all, without running the pipeline; yield lines as they become known.

    **Arguments:** `name`: None for all; `root`: the repository.
    **Raises:** `UserError` at the first fault: an unknown key or a wrong value, a model that cannot be built or
    takes no training step, a stated time or memory more than a factor of 1.5 from the estimate.
    """
    rates = measured_rates(root)
    for each in [name] if name else preset_names(root / DIRECTORY):
        yield from _check(each, root, rates)


def _check(name: str, root: Path, rates: Rates) -> Iterator[str]:
    about = load(name, root / DIRECTORY)[-1].about
    works = [work for params in experiments(name, root) for work in workload(params)]
    yield f"{name}: {len(works)} trainings"
    for work in works:
        yield f"  {_tried(name, work)}"
    found = estimate(works, rates)
    for key, unit in (("core_hours", "core hours"), ("memory_gib", "GiB")):
        yield f"  {_stated(name, about, key, unit, getattr(found, key))}"


def _tried(name: str, work: Work) -> str:
    try:
        tried = dry_run(work.shape)
    except UserError as error:
        raise UserError(f"preset {name}, {work.name}: {error}") from None
    return (
        f"{work.name}: {tried.parameters:,} parameters, one step at a loss of {tried.loss:.2f}, "
        f"{tried.costs['peak_memory_bytes'] / 2**30:.2f} GiB"
    )


def _stated(name: str, about: About, key: str, unit: str, found: float) -> str:
    stated = getattr(about, key)
    if not 1 / FACTOR <= stated / found <= FACTOR:
        raise UserError(
            f"preset {name}: about.{key} is {stated:g}, but {found:.2g} {unit} are estimated; write {found:.2g}"
        )
    return f"{found:.2g} {unit} estimated, {stated:g} stated"
