"""The state of every global generator, taken, put back, and kept in a file that can run no code."""

from __future__ import annotations

import base64
import importlib.util
import json
import random
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from resnetbk.repro.files import sha256_json, write_json

FORMAT = "resnetbk seed state 1"


@dataclass(frozen=True)
class SeedState:
    """Where Python's, NumPy's and torch's generators stand, as values of JSON.

    `torch` is None where torch is not installed; `cuda` has one state a device. torch's are bytes in base64.
    """

    python: list[Any]
    numpy: dict[str, Any]
    torch: str | None
    cuda: list[str]


def capture_seed_state() -> SeedState:
    """Return where the global generators stand, torch's where it is installed."""
    version, words, gauss = random.getstate()
    state, cuda = None, []
    if importlib.util.find_spec("torch"):
        import torch

        state = _encode(torch.get_rng_state())
        cuda = [_encode(device) for device in torch.cuda.get_rng_state_all()] if torch.cuda.is_available() else []
    return SeedState([version, list(words), gauss], _plain(np.random.get_state(legacy=False)), state, cuda)


def restore_seed_state(state: SeedState) -> None:
    """Set the global generators to a state that was taken before; all of them or, on an error, none.

    **Raises:** `ValueError` when the state does not fit the generators of this process.
    """
    python, numpy = _accepted(state)
    here = type(np.random.get_bit_generator()).__name__
    if numpy["bit_generator"] != here:
        raise ValueError(f"the state is of NumPy's {numpy['bit_generator']}, and the generator here is {here}")
    if importlib.util.find_spec("torch"):
        _restore_torch(state)
    elif state.torch is not None:
        raise ValueError("the state has a torch generator, and torch is not installed here")
    random.setstate(python)
    np.random.set_state(numpy)


def save_seed_state(path: str | Path) -> None:
    """Write where the global generators stand to a JSON file, whole or not at all.

    JAX's keys are values of the caller's: keep `jax.random.key_data(key)` with your own state.

    **Arguments:** `path`: the file; its folder is made.
    """
    state = asdict(capture_seed_state())
    write_json(path, {"format": FORMAT, "sha256": sha256_json(state), "state": state})


def load_seed_state(path: str | Path) -> None:
    """Set the global generators from a file of `save_seed_state`; a file that is not as it was written sets none.

    **Raises:** `FileNotFoundError`; `ValueError` when the file is damaged, of another kind, or does not fit the
    generators of this process (torch missing, another number of CUDA devices).
    """
    try:
        content = json.loads(Path(path).read_bytes())
    except ValueError as error:  # no JSON, or no UTF-8
        raise ValueError(f"{path}: not a seed state, which is JSON: {error}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise ValueError(f"{path}: not a seed state: expected format {FORMAT!r}, found {found!r}")
    if sha256_json(content.get("state")) != content.get("sha256"):
        raise ValueError(f"{path}: damaged: its content does not have the SHA-256 that it was written with")
    state = content["state"]
    if not isinstance(state, dict) or list(state) != [field.name for field in fields(SeedState)]:
        raise ValueError(f"{path}: not a seed state: expected the fields python, numpy, torch and cuda")
    try:
        restore_seed_state(SeedState(**state))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _accepted(state: SeedState) -> tuple[tuple, dict[str, Any]]:
    """Return Python's and NumPy's state once generators of our own took them: the global ones are left alone."""
    try:
        version, words, gauss = state.python
        python, numpy = (version, tuple(words), gauss), _arrays(state.numpy)
        random.Random().setstate(python)
        np.random.RandomState(getattr(np.random, numpy["bit_generator"])()).set_state(numpy)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not the state of a generator: {error}") from None
    return python, numpy


def _restore_torch(state: SeedState) -> None:
    import torch

    devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if state.torch is None:
        raise ValueError("the state has no torch generator, which this process has")
    if len(state.cuda) != devices:
        raise ValueError(f"the state has {len(state.cuda)} CUDA devices, and this process has {devices}")
    try:
        torch.Generator().set_state(_decode(state.torch))
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"not the state of torch's generator: {error}") from None
    if devices:
        torch.cuda.set_rng_state_all([_decode(device) for device in state.cuda])
    torch.set_rng_state(_decode(state.torch))


def _encode(state: Any) -> str:
    return base64.b64encode(state.numpy().tobytes()).decode()


def _decode(text: str) -> Any:
    import torch

    return torch.frombuffer(bytearray(base64.b64decode(text, validate=True)), dtype=torch.uint8)


def _plain(value: Any) -> Any:
    """Turn NumPy's state into JSON; an array becomes its dtype and its numbers."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return {"dtype": str(value.dtype), "values": value.tolist()}
    return value.item() if isinstance(value, np.generic) else value


def _arrays(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"dtype", "values"}:
            return np.array(value["values"], value["dtype"])
        return {key: _arrays(item) for key, item in value.items()}
    return value
