"""What reproducibility costs: the levels of determinism, hashes and manifests, and the saving of resume states."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from resnetbk.benchmark.level_process import SCRATCH, LevelProcess
from resnetbk.benchmark.paired import Ratio, Spread, paired_ratio, spread
from resnetbk.benchmark.record import measured_on
from resnetbk.benchmark.settings import Target
from resnetbk.errors import UserError
from resnetbk.params import models as params
from resnetbk.repro.hashing import compute_checkpoint_hash
from resnetbk.repro.manifest import create_integrity_manifest

TARGETS: dict[str, Target] = {
    "step_machine_vs_fast": Target("at most", 1.03),
    "step_portable_vs_fast": Target("at most", 1.5),  # on a host with AVX-512, which portable does without
    "hashing_speed_vs_sha256sum": Target("at least", 0.8),
    "manifest_speed_vs_sha256sum": Target("at least", 0.8),
    "training_with_resume_vs_without": Target("at most", 1.01),
}
MODELS = ("resnet_bk", "mamba", "transformer")
BLOCK = 2**24  # bytes; drawn once and written over and over: what is hashed is as long whatever it says


@dataclass(frozen=True)
class ReproducibilitySettings:
    """The sizes of the benchmark; the models, their budget and the batches are those of the default training.

    `rounds`: how often each model takes a step at each level; `hashed_bytes`: of the file that is hashed
    `hash_pairs` times by either side; `saves`: how often each model's resume state is saved;
    `checkpoint_interval`: steps from one save to the next.
    """

    models: Mapping[str, params.Model]
    parameter_budget: int
    batch: int
    length: int
    checkpoint_interval: int
    threads: int
    vocabulary_size: int = 2048
    rounds: int = 41
    saves: int = 21
    hashed_bytes: int = 2**30
    hash_pairs: int = 7


def run_reproducibility_benchmark(
    settings: ReproducibilitySettings, say: Callable[[str], None] = lambda line: None
) -> dict[str, Any]:
    """Measure everything, on an otherwise idle machine; about three minutes.

    **Arguments:** `settings`: the sizes; `say`: told what is measured next.
    **Returns:** a dict for JSON: `ratios` by measurement and model ("" where no model has to do with it), each
    with its quartiles and both sides in seconds; `settings` and `environment`.
    **Raises:** `UserError` without the command `sha256sum`.
    """
    say("hashes and manifests ...")
    ratios = {name: {"": ratio} for name, ratio in _hashing(settings).items()}
    say("training steps at each level ...")
    ratios |= _steps(settings)
    described = {**asdict(settings), "models": _configurations(settings)}
    return {
        "ratios": {name: {m: asdict(ratio) for m, ratio in by.items()} for name, by in ratios.items()},
        "settings": described,
        "environment": measured_on("python", "packages"),
    }


def reproducibility_figures(details: dict[str, Any]) -> dict[str, Any]:
    """Return the median of each measurement, by model where it has them."""
    medians = {
        name: {model: ratio["ratio"]["median"] for model, ratio in by.items()}
        for name, by in details["ratios"].items()
    }
    return {name: by[""] if "" in by else by for name, by in medians.items()}


def _steps(settings: ReproducibilitySettings) -> dict[str, dict[str, Ratio]]:
    """Time the levels by turns, each in a process of its own, and saving in that of the default level."""
    described = {
        "models": _configurations(settings),
        "vocabulary_size": settings.vocabulary_size,
        "parameter_budget": settings.parameter_budget,
        "batch": settings.batch,
        "length": settings.length,
    }
    with ExitStack() as stack:
        one_thread = {
            level: stack.enter_context(LevelProcess(level, 1, described))
            for level in ("fast", "machine", "portable")
        }
        processes = {
            **one_thread,
            "fast_all_threads": stack.enter_context(LevelProcess("fast", settings.threads, described)),
        }
        seconds = {name: {level: [] for level in processes} for name in settings.models}
        saving: dict[str, list[float]] = {name: [] for name in settings.models}
        for _ in range(settings.rounds):
            for name, taken in seconds.items():
                for level, process in processes.items():
                    taken[level].append(process.seconds("step", name))
        for _ in range(settings.saves):
            for name, taken in saving.items():
                taken.append(processes["portable"].seconds("save", name))
    against_fast = {
        f"step_{level}_vs_fast": {name: _ratio(taken[level], taken["fast"]) for name, taken in seconds.items()}
        for level in processes
        if level != "fast"
    }
    return {
        **against_fast,
        "training_with_resume_vs_without": {
            name: _with_saving(saving[name], spread(seconds[name]["portable"]), settings.checkpoint_interval)
            for name in settings.models
        },
    }


def _ratio(numerator: list[float], denominator: list[float]) -> Ratio:
    """Compare times that were taken by turns."""
    ratios = (np.array(numerator) / np.array(denominator)).tolist()
    return Ratio(spread(ratios), spread(numerator), spread(denominator))


def _with_saving(saves: list[float], step: Spread, interval: int) -> Ratio:
    """Compare so many steps and one save with the steps alone."""
    steps = interval * step.median
    return Ratio(
        spread([1 + save / steps for save in saves]), spread([steps + save for save in saves]), spread([steps])
    )


def _hashing(settings: ReproducibilitySettings) -> dict[str, Ratio]:
    """Time our hash and our manifest against `sha256sum` on one file, which is in memory all the while."""
    SCRATCH.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
        file = Path(folder, "data", "file.bin")
        file.parent.mkdir()
        _write(file, settings.hashed_bytes)
        manifest = Path(folder, "manifest.json")
        works = {
            "hashing_speed_vs_sha256sum": lambda: compute_checkpoint_hash(file),
            "manifest_speed_vs_sha256sum": lambda: create_integrity_manifest(file.parent, manifest, replace=True),
        }
        for work in (lambda: _sha256sum(file), *works.values()):
            work()
        return {
            name: paired_ratio(lambda: _sha256sum(file), work, settings.hash_pairs) for name, work in works.items()
        }


def _sha256sum(file: Path) -> None:
    try:
        subprocess.run(["sha256sum", file], check=True, stdout=subprocess.DEVNULL)
    except FileNotFoundError:
        raise UserError("the command sha256sum, which the benchmark compares with, is not installed") from None


def _write(file: Path, size: int) -> None:
    block = os.urandom(min(BLOCK, size))
    with open(file, "wb") as out:
        for start in range(0, size, len(block)):
            out.write(block[: size - start])


def _configurations(settings: ReproducibilitySettings) -> dict[str, Any]:
    return {name: config.model_dump() for name, config in settings.models.items()}
