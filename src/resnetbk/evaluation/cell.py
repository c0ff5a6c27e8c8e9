"""One cell of the comparison: a trained model, scored on the test split."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from resnetbk.audit.code import verify_code
from resnetbk.data.corpus import Corpus
from resnetbk.errors import UserError
from resnetbk.evaluation.held_out import held_out_loss
from resnetbk.models.language_model import LanguageModel
from resnetbk.models.registry import build_model, count_parameters
from resnetbk.params import Params
from resnetbk.repro.files import sha256_file
from resnetbk.training.checkpoint import load_weights
from resnetbk.training.manifest import read_manifest


class TrainedCell(NamedTuple):
    """A trained model, the corpus it was trained on and its manifest; `weights` is their file's SHA-256."""

    model: LanguageModel
    corpus: Corpus
    manifest: dict[str, Any]
    weights: str

    def described(self) -> dict[str, Any]:
        """Return model, seed, the hashes of the test split and of the weights, and the parameters."""
        return {
            "model": self.manifest["model"],
            "seed": self.manifest["seed"],
            "data": sha256_file(self.corpus.path / "test.tokens"),
            "weights": self.weights,
            "parameters": count_parameters(self.model),
        }


def evaluate_cell(params: Params, name: str, seed: int, *, root: Path) -> dict[str, Any]:
    """Score the weights of model `name` trained with `seed` on the test split.

    **Arguments:** `root`: the repository's root, under which data/, models/ and metrics/audit/ stand.
    **Returns:** what `held_out_loss` returns, with model, seed, parameters, state_size (bytes of state for
    one sequence of evaluate.length tokens), training_tokens, and the hashes of the data and the weights.
    **Raises:** `UserError` as `open_cell`, or when a loss is not finite.
    """
    cell = open_cell(params, name, seed, root=root)
    return {
        **cell.described(),
        "state_size": cell.model.state_size(params.evaluate.length),
        "training_tokens": cell.manifest["tokens"],
        **held_out_loss(cell.model, cell.corpus.split("test"), params.evaluate),
    }


def open_cell(params: Params, name: str, seed: int, *, root: Path) -> TrainedCell:
    """Build model `name` and fill it with the weights that were trained with `seed`.

    **Arguments:** `root`: the repository's root, under which data/, models/ and metrics/audit/ stand.
    **Raises:** `UserError` when the model's code is not the code that was audited, or the weights are missing, do
    not fit or are not those that were trained.
    """
    corpus = Corpus.open(root / "data/corpus")
    model = build_model(params.models[name], corpus.vocabulary_size, params.run.parameter_budget, seed)
    verify_code(root / f"metrics/audit/{name}.json")
    cell = f"{name}-{seed}"
    manifest = read_manifest(root / f"models/{cell}/manifest.json")
    weights = f"models/{cell}/weights.safetensors"
    digest = verified(root, weights, manifest)
    load_weights(model, root / weights)
    return TrainedCell(model, corpus, manifest, digest)


def verified(root: Path, file: str, manifest: dict[str, Any]) -> str:
    """Return the SHA-256 of a file that a training wrote, once it is the one that its manifest speaks of.

    **Arguments:** `file`: its path from `root`, with which the manifest names it.
    **Raises:** `UserError` when it is missing or another.
    """
    cell = f"{manifest['model']}-{manifest['seed']}"
    if not (root / file).is_file():
        raise UserError(f"{root / file}: no such file; `dvc repro train@{cell}` makes it")
    found, expected = sha256_file(root / file), manifest["files"].get(file)
    if found != expected:
        out = f"models/{cell}" if file.startswith("models/") else file
        raise UserError(
            f"{root / file}: SHA-256 is {found}, and models/{cell}/manifest.json says {expected}: not what the "
            f"training wrote. `dvc checkout --force {out}` restores it"
        )
    return found
