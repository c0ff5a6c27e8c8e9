"""The state from which a killed training goes on: whole, bound to its cell, and outside of DVC's outs.

DVC removes a stage's outs at each start, so the state has a directory of its own. The hash of code, params and
data stands in the directory's name: a state made by other code is never found. The name goes into the state's
digest too, so that a state which somebody moved there is refused.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from resnetbk.errors import UserError
from resnetbk.repro.files import atomic_path, sha256_json, write_json
from resnetbk.repro.hashing import hash_tensors

INPUTS = "inputs.json"


@dataclass(frozen=True)
class ResumeState:
    """Where the unfinished training of one cell is kept: one safetensors file in `directory`.

    Beside it stands what `made_with` says of it, by which `resnetbk gc` knows who could still go on from it.
    """

    directory: Path
    made_with: Any = None  # JSON; None for a state that nobody looks after

    @property
    def file(self) -> Path:
        return self.directory / "state.safetensors"

    def save(self, model: nn.Module, optimiser: torch.optim.Optimizer, progress: dict[str, Any]) -> None:
        """Write weights, moments and progress as one file, whole or not at all, with the digest of all of it.

        **Arguments:** `progress`: JSON; its `step` is the number of steps done.
        **Raises:** `UserError` when it cannot be written; the state saved before is then still there.
        """
        tensors = _tensors(model, optimiser)
        text = json.dumps(progress)
        metadata = {"progress": text, "sha256": self._digest(tensors, text)}
        try:
            if self.made_with is not None and not (self.directory / INPUTS).exists():
                write_json(self.directory / INPUTS, self.made_with)
            with atomic_path(self.file) as partial:
                save_file(tensors, str(partial), metadata=metadata)
        except (OSError, SafetensorError) as error:  # safetensors has its own name for a full disk
            kept = "the one saved before is whole" if self.file.exists() else "there is none from before"
            raise UserError(
                f"{self.file}: the resume state of step {progress['step']} cannot be written ({_reason(error)}); "
                f"{kept}. Free some space or make the folder writable, then run again to go on"
            ) from error

    def load(self, model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Any] | None:
        """Restore model and optimiser in place and return the progress, or None when there is no state.

        A file that is not, to the bit, what `save` wrote for this cell is set aside under another name with one
        warning on standard error, and None is returned: from the start the training gets to the same bits.

        **Raises:** `UserError` when the file cannot be read.
        """
        try:
            tensors, progress = self._read()
        except FileNotFoundError:
            return None
        except _DamagedError as fault:
            self._set_aside(fault)
            return None
        except OSError as error:
            raise UserError(
                f"{self.file}: cannot be read ({_reason(error)}); make it readable or remove it"
            ) from error
        parameters = dict(model.named_parameters())
        with torch.no_grad():
            for name, tensor in tensors.items():
                owner, rest = name.split(".", 1)
                if owner == "model":
                    parameters[rest].copy_(tensor)
                else:
                    key, parameter = rest.split(".", 1)
                    optimiser.state[parameters[parameter]][key] = tensor
        return progress

    def clear(self) -> None:
        """Remove the state of a training that has finished."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def _read(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Return what the file holds once its digest is found right."""
        try:
            with safe_open(str(self.file), framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}
        except SafetensorError as error:
            raise _DamagedError(" ".join(str(error).split())) from None
        if metadata.get("sha256") != self._digest(tensors, metadata.get("progress")):
            raise _DamagedError("its bits are not those that this cell saved")
        return tensors, json.loads(metadata["progress"])

    def _digest(self, tensors: dict[str, torch.Tensor], progress: str | None) -> str:
        return sha256_json([self.directory.name, progress, hash_tensors(tensors)])

    def _set_aside(self, fault: _DamagedError) -> None:
        damaged = self.file.with_suffix(".damaged")
        try:
            os.replace(self.file, damaged)
        except OSError as error:
            raise UserError(f"{self.file}: damaged ({fault}), and cannot be renamed ({_reason(error)})") from error
        print(
            f"WARNING: {self.file}: damaged ({fault}); set aside as {damaged.name} until this training is done, "
            "which starts again from step 0 and ends with the same bits",
            file=sys.stderr,
        )


class _DamagedError(Exception):
    """Why a file is not a state of this cell."""


def _tensors(model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Return the parameters and what the optimiser keeps of each, by name."""
    tensors = {}
    for name, parameter in model.named_parameters():
        tensors[f"model.{name}"] = parameter.detach()
        for key, value in optimiser.state[parameter].items():
            tensors[f"optimiser.{key}.{name}"] = value
    return tensors


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or " ".join(str(error).split())
