"""A model of the registry, as MLflow's `pyfunc` loads it: from safetensors, whose hash is checked first."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from pydantic import TypeAdapter

from resnetbk.errors import UserError
from resnetbk.models.registry import build_model
from resnetbk.params.models import Model
from resnetbk.repro.files import sha256_file
from resnetbk.tracking.registry import DESCRIPTION, WEIGHTS
from resnetbk.training.checkpoint import load_weights


class ServedModel:
    """A language model behind MLflow's interface: int64 token ids [B, L] in, float32 logits [B, L, V] out."""

    def __init__(self, folder: Path) -> None:
        described = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        if sha256_file(folder / WEIGHTS) != described["weights_sha256"]:
            raise UserError(
                f"{folder / WEIGHTS}: its SHA-256 is not the one in {DESCRIPTION}; download the model again"
            )
        self._model = build_model(
            TypeAdapter(Model).validate_python(described["config"]),
            described["vocabulary_size"],
            described["parameter_budget"],
            described["seed"],
        )
        load_weights(self._model, folder / WEIGHTS)
        self._model.eval()

    @torch.inference_mode()
    def predict(self, tokens_BL: np.ndarray) -> np.ndarray:
        """Return the logits of the token that follows each position."""
        return self._model(torch.from_numpy(np.asarray(tokens_BL))).numpy()


def _load_pyfunc(path: str) -> ServedModel:
    """Load a model's folder; MLflow calls it by this name."""
    return ServedModel(Path(path))
