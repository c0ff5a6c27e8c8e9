"""How long a step of each model takes, as `make benchmark` measured it: seconds, and what they were measured on.

The file is git's and no stage's out, since times are not reproduced. The key of a measurement tells when it is one
of another configuration, which is not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from resnetbk.comparison.records import Manifest, Record, Sha256, Work, read_record
from resnetbk.repro.files import sha256_json

TIMINGS_FILE = Path("metrics/benchmark_cells.json")
MEASURE = "run `make benchmark`"


class Timing(Record):
    """One model: `seconds` is the median, over so many `repeats`, of an optimiser step over one batch."""

    key: Sha256
    seconds: float = Field(gt=0)
    lower_quartile: float = Field(gt=0)
    upper_quartile: float = Field(gt=0)
    repeats: int = Field(gt=0)


class Timings(Record):
    """metrics/benchmark_cells.json; no model in it where nothing was measured."""

    models: dict[str, Timing]


def timing_key(
    config: dict[str, Any], work: Work, parameter_budget: int, determinism: str, kernels: str, tokens: str
) -> str:
    """Return the hash of what decides the work of a step.

    **Arguments:** `config`: the model's section of params.yaml; `work`: of the training; `parameter_budget`,
    `determinism`, `kernels`: of the run; `tokens`: SHA-256 of the training split, which fixes the vocabulary.
    """
    return sha256_json([config, work.model_dump(), parameter_budget, determinism, kernels, tokens])


def read_timings(root: Path = Path()) -> Timings:
    """Return what was measured, nothing when the file is missing.

    **Raises:** `UserError` when the file holds something else.
    """
    path = root / TIMINGS_FILE
    return (
        read_record(path, Timings, stage="benchmark/dvc.yaml:benchmark_cells")
        if path.exists()
        else Timings(models={})
    )


def why_not_timed(timings: Timings, manifests: Mapping[str, Manifest]) -> str | None:
    """Return why there are no times of a step of some models, None when all have one.

    **Arguments:** `manifests`: of one cell of each model.
    """
    missing = [name for name in manifests if name not in timings.models]
    stale = [
        name for name in manifests if name not in missing and timings.models[name].key != _key(manifests[name])
    ]
    faults = [f"{', '.join(missing)} not measured"] if missing else []
    faults += [f"{', '.join(stale)} measured with other parameters"] if stale else []
    return f"{'; '.join(faults)}: {MEASURE}" if faults else None


def _key(manifest: Manifest) -> str:
    return timing_key(
        manifest.config,
        manifest.train,
        manifest.parameter_budget,
        manifest.determinism,
        manifest.kernels,
        manifest.data["train"],
    )
