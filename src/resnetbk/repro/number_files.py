"""Files of numbers, read without running anything that they hold."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from resnetbk.repro.leaves import Leaf, leaves


def read_numbers(path: str | Path) -> dict[str, Leaf]:
    """Read a file of tensors or of JSON.

    **Arguments:** `path`: .json, .jsonl, .npy, .npz, or a checkpoint (safetensors or `torch.save`; told from its
    content).
    **Returns:** the leaves by their names, such as `head.weight` or `['loss'][3]`, in the order of the file.
    **Raises:** `FileNotFoundError`; `ValueError` when the file is damaged or of another kind.
    """
    path = Path(path)
    if path.suffix in (".json", ".jsonl"):
        return dict(leaves(_json(path)))
    if path.suffix in (".npy", ".npz"):
        return dict(_arrays(path))
    from resnetbk.repro.loading import load_checkpoint

    loaded = load_checkpoint(path)
    flat = isinstance(loaded, dict) and all(isinstance(name, str) for name in loaded)
    if not flat:
        return dict(leaves(loaded))
    return {name: part for key, value in loaded.items() for name, part in leaves(value, key)}


def _json(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    try:
        return json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.splitlines()]
    except ValueError as error:
        raise ValueError(f"{path}: not {path.suffix[1:].upper()}: {error}") from None


def _arrays(path: Path) -> Iterator[tuple[str, Leaf]]:
    with open(path, "rb") as file:
        try:
            loaded = np.load(file, allow_pickle=False)
            found = {"array": loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
        except (ValueError, OSError, EOFError, BadZipFile, zlib.error) as error:
            raise ValueError(f"{path}: no whole file of NumPy's arrays: {error}") from None
    for name, array in found.items():
        yield from leaves(array, name)
