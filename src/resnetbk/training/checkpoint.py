"""Checkpoints: the weights of a finished model, and the state from which a killed training goes on.

Only safetensors are written and read: a file that could run code is never opened.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, load_model, save_file, save_model
from torch import nn

from resnetbk.errors import UserError
from resnetbk.repro.files import atomic_path


def save_weights(model: nn.Module, path: Path) -> None:
    """Write a model's weights (tied ones once) as safetensors, whole or not at all."""
    with atomic_path(path) as partial:
        save_model(model, str(partial))


def load_weights(model: nn.Module, path: Path) -> None:
    """Fill a model with the weights of a file.

    **Raises:** `UserError` when the file is missing, damaged, or of another architecture.
    """
    try:
        load_model(model, str(path), strict=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such checkpoint; `dvc repro` makes it") from None
    except (SafetensorError, RuntimeError) as error:
        raise UserError(f"{path}: not a checkpoint of this model: {' '.join(str(error).split())}") from None


def weights_hash(model: nn.Module) -> str:
    """Return a SHA-256 over names, dtypes, shapes and bits of all parameters and buffers."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class ResumeState:
    """Where the unfinished training of one cell is kept: outside DVC's outs, which DVC removes at each start.

    `directory` carries the hash of code, params and data in its name, so that a state made by other code
    is never picked up.
    """

    directory: Path

    @property
    def _file(self) -> Path:
        return self.directory / "state.safetensors"

    def save(self, model: nn.Module, optimiser: torch.optim.Optimizer, progress: dict[str, Any]) -> None:
        """Write weights, moments and progress (JSON) as one file, whole or not at all."""
        tensors = {f"model.{name}": parameter.detach() for name, parameter in model.named_parameters()}
        names = {parameter: name for name, parameter in model.named_parameters()}
        for parameter, moments in optimiser.state.items():
            for key, value in moments.items():
                tensors[f"optimiser.{key}.{names[parameter]}"] = value
        with atomic_path(self._file) as partial:
            save_file(tensors, str(partial), metadata={"progress": json.dumps(progress)})

    def load(self, model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Any] | None:
        """Restore model and optimiser in place and return the progress, or None when there is no state."""
        if not self._file.exists():
            return None
        tensors = load_file(str(self._file))
        with safe_open(str(self._file), framework="pt") as file:
            progress = json.loads(file.metadata()["progress"])
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(tensors[f"model.{name}"])
                optimiser.state[parameter] = {
                    key: tensors[f"optimiser.{key}.{name}"] for key in ("step", "exp_avg", "exp_avg_sq")
                }
        return progress

    def clear(self) -> None:
        """Remove the state of a training that has finished."""
        shutil.rmtree(self.directory, ignore_errors=True)
