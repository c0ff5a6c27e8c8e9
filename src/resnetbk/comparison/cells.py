"""The cells of a comparison: exactly those that params.yaml names, each one whole."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from resnetbk.comparison.records import Audit, Evaluation, HistoryRow, Manifest, read_record
from resnetbk.errors import UserError
from resnetbk.params.run import Run
from resnetbk.repro.files import sha256_file

# Where cells leave files: directory, ending (none: a directory), and whether a cell or a model owns one.
_OUTS = (
    ("metrics/evaluate", ".json", "cell"),
    ("metrics/train", ".jsonl", "cell"),
    ("metrics/audit", ".json", "model"),
    ("models", "", "cell"),
)


@dataclass(frozen=True)
class Cell:
    """A model trained with one seed: what its training and its evaluation wrote down."""

    evaluation: Evaluation
    manifest: Manifest
    validation: tuple[tuple[int, float], ...]  # steps done and the held-out loss then, nats a token, in order

    @property
    def name(self) -> str:
        return f"{self.evaluation.model}-{self.evaluation.seed}"

    @property
    def data(self) -> dict[str, str]:
        """SHA-256 of the tokens of every split that the cell saw."""
        return {**self.manifest.data, "test": self.evaluation.data}

    @property
    def loss_D(self) -> np.ndarray:
        """Mean loss of each held-out document, nats a token, float64."""
        return np.array([document.loss for document in self.evaluation.documents])

    @property
    def tokens_D(self) -> np.ndarray:
        """Predicted tokens of each held-out document, float64."""
        return np.array([float(document.tokens) for document in self.evaluation.documents])


@dataclass(frozen=True)
class Cells:
    """All cells of a run: models in the order of `run.models`, seeds in the order of `run.seeds`."""

    by_model: dict[str, list[Cell]]
    audits: dict[str, Audit | None]

    @property
    def tokens_D(self) -> np.ndarray:
        """Predicted tokens of each held-out document, float64; the same for every cell."""
        return next(iter(self.by_model.values()))[0].tokens_D

    def loss_SD(self, model: str) -> np.ndarray:
        """Loss of each held-out document under each seed of a model, nats a token, float64."""
        return np.stack([cell.loss_D for cell in self.by_model[model]])


def read_cells(run: Run, root: Path = Path()) -> Cells:
    """Read every cell that a run names, no more and no less.

    **Arguments:** `run`: the models and seeds that must be there; `root`: the repository.
    **Returns:** the cells. A model without an audit has None for it: the ledger judges that.
    **Raises:** `UserError` for a cell that is missing, orphaned, broken or mislabelled.
    """
    names = [f"{model}-{seed}" for model, seed in product(run.models, run.seeds)]
    _refuse_missing(root, names)
    _refuse_orphans(root, {"cell": set(names), "model": set(run.models)})
    by_model = {model: [_read_cell(root, model, seed) for seed in run.seeds] for model in run.models}
    return Cells(by_model, {model: _read_audit(root, model) for model in run.models})


def _refuse_missing(root: Path, names: list[str]) -> None:
    for stage, place in (("train", "models/{}/manifest.json"), ("evaluate", "metrics/evaluate/{}.json")):
        missing = [name for name in names if not (root / place.format(name)).is_file()]
        if missing:
            raise UserError(
                f"{place.format(missing[0])}: not found; of the {len(names)} cells of run.models x run.seeds "
                f"{len(missing)} are missing: {', '.join(missing)}. "
                f"Run: dvc repro {' '.join(f'{stage}@{name}' for name in missing)}"
            )


def _refuse_orphans(root: Path, known: dict[str, set[str]]) -> None:
    orphans = []
    for directory, ending, owner in _OUTS:
        for path in sorted((root / directory).glob(f"[!.]*{ending}")):
            is_out = path.is_file() if ending else path.is_dir()
            if is_out and path.name.removesuffix(ending) not in known[owner]:
                orphans.append(path.relative_to(root).as_posix())
    if orphans:
        raise UserError(
            f"{', '.join(orphans)}: left by a model or seed that run.models and run.seeds in params.yaml do "
            f"not name. Name it there, or run: rm -r {' '.join(orphans)}"
        )


def _read_cell(root: Path, model: str, seed: int) -> Cell:
    name = f"{model}-{seed}"
    paths = (f"metrics/evaluate/{name}.json", f"models/{name}/manifest.json")
    evaluation = read_record(root / paths[0], Evaluation, stage=f"evaluate@{name}")
    manifest = read_record(root / paths[1], Manifest, stage=f"train@{name}", sealed=True)
    for path, record in zip(paths, (evaluation, manifest), strict=True):
        if (record.model, record.seed) != (model, seed):
            raise UserError(
                f"{path}: holds model {record.model!r} with seed {record.seed}, not what its name says. "
                f"Run: dvc repro --force --single-item train@{name} evaluate@{name}"
            )
    history = f"metrics/train/{name}.jsonl"
    if sha256_file(root / history) != manifest.files.get(history):
        raise UserError(
            f"{history}: not the curve that {paths[1]} was sealed with. "
            f"Run: dvc checkout --force {history} {Path(paths[1]).parent}"
        )
    return Cell(evaluation, manifest, _read_validation(root / history))


def _read_validation(path: Path) -> tuple[tuple[int, float], ...]:
    rows = [HistoryRow.model_validate_json(line) for line in path.read_bytes().splitlines()]
    return tuple((row.step, row.validation_loss) for row in rows if row.validation_loss is not None)


def _read_audit(root: Path, model: str) -> Audit | None:
    path = root / f"metrics/audit/{model}.json"
    return read_record(path, Audit, stage=f"audit@{model}") if path.exists() else None
