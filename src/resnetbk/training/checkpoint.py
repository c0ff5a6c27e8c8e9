"""Checkpoints: the weights of a finished model.

Only safetensors are written and read: a file that could run code is never opened.
"""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_model, save_model
from torch import nn

from resnetbk.errors import UserError
from resnetbk.repro.files import atomic_path
from resnetbk.repro.hashing import hash_tensors


def save_weights(model: nn.Module, path: Path) -> None:
    """Write a model's weights (tied ones once) as safetensors, whole or not at all.

    **Raises:** `UserError` when they cannot be written.
    """
    try:
        with atomic_path(path) as partial:
            save_model(model, str(partial))
    except (OSError, SafetensorError) as error:  # safetensors has its own name for a full disk
        raise UserError(
            f"{path}: cannot be written ({' '.join(str(error).split())}). "
            "Free some space or make the folder writable, then run again"
        ) from error


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
    return hash_tensors(model.state_dict())
