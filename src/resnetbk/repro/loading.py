"""Checkpoints read without running anything that they hold: safetensors, or pickles of plain tensors.

`torch.load(weights_only=True)` is what keeps code from running; here its refusal gets a name and a cure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from resnetbk.repro.opened_files import announce
from resnetbk.repro.pickle_globals import named_globals

# What plain checkpoints name: storages, dtypes and how a tensor is put together. Anything else is to blame when
# torch refuses a file.
HARMLESS = re.compile(r"torch\.(\w+|_utils\._rebuild\w+|storage\.\w+)|collections\.OrderedDict|_codecs\.encode")
LONGEST_HEADER = 100_000_000  # bytes, the limit of safetensors


def load_checkpoint(path: str | Path) -> Any:
    """Load a checkpoint onto the CPU; what the file is, is told from its content and not from its name.

    **Arguments:** `path`: a safetensors file, or one that `torch.save` wrote.
    **Returns:** name to tensor for safetensors, else the object that was saved.
    **Raises:** `FileNotFoundError`; `ValueError` for a directory, an empty file, a file cut short or damaged, and
    for a pickle that would run code, naming the function that it would call.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path}: expected a checkpoint file, found a directory; name one of the files in it")
    if not path.stat().st_size:
        raise ValueError(f"{path}: expected a checkpoint, found an empty file; its writing was cut short")
    with open(path, "rb") as file:
        head = file.read(9)
    is_safetensors = head[8:] == b"{" and int.from_bytes(head[:8], "little") <= LONGEST_HEADER
    return _safetensors(path) if is_safetensors else _pickle(path)


def require_same_architecture(tensors: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Check that a checkpoint is of the architecture at hand, before a model takes its numbers.

    **Arguments:** `tensors`: name to tensor, as `load_checkpoint` returns; `expected`: the model's, such as
    `model.state_dict()`. Of tensors that `expected` ties (they share memory) one is enough.
    **Raises:** `ValueError` naming the first tensor that is missing, too many, or of another shape or dtype.
    """
    present = {_place(tensor) for name, tensor in expected.items() if name in tensors} - {None}
    faults = [
        f"{name} is missing" for name in expected if name not in tensors and _place(expected[name]) not in present
    ]
    faults += [f"{name} is not part of this model" for name in tensors if name not in expected]
    for name in [name for name in expected if name in tensors]:
        for what in ("shape", "dtype"):
            found, wanted = getattr(tensors[name], what), getattr(expected[name], what)
            if found != wanted:
                found, wanted = (tuple(value) if what == "shape" else value for value in (found, wanted))
                faults.append(f"{name} has the {what} {found}, expected {wanted}")
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise ValueError(f"a checkpoint of another architecture: {faults[0]}{more}")


def _place(tensor: Any) -> tuple[int, tuple[int, ...]] | None:
    """Return where a torch tensor lies and its shape, None when that tells nothing."""
    address = tensor.data_ptr() if hasattr(tensor, "data_ptr") else 0
    return (address, tuple(tensor.shape)) if address else None


def _safetensors(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    announce(path)  # it is opened outside Python
    try:
        return load_file(str(path))
    except SafetensorError as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{path}: a safetensors file that is cut short or damaged ({reason}); fetch or make it again"
        ) from None


def _pickle(path: Path) -> Any:
    import torch

    try:
        with open(path, "rb") as file:  # torch itself would go by the name
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can raise anything
        strange = [name for name in named_globals(path) if not HARMLESS.fullmatch(name)]
        if strange:
            raise ValueError(
                f"{path}: refused, nothing was run: this pickle would call {', '.join(strange)}. Only tensors are "
                "loaded; let whoever made it save a state dict, best as safetensors"
            ) from error
        reason = re.search(r"WeightsUnpickler error: .+", str(error))
        raise ValueError(
            f"{path}: neither safetensors nor a whole file of torch.save{f' ({reason[0]})' if reason else ''}; "
            "fetch or make it again"
        ) from error
