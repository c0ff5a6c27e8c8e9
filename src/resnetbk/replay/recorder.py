"""Run a tree's own training under watch. Started by file name, in that tree: nothing of this package is imported.

    python -P recorder.py OUT UNTIL DETAIL --model MODEL --seed SEED

OUT/steps gets a line for the weights before the first optimiser step, and one for weights, gradients and moments
after each. With DETAIL not -1,
OUT/events.json and OUT/tensors.safetensors get every tensor of that one step in the order in which it came about
(0: the initial weights). The training stops after step UNTIL.

It hooks torch, not the code of the tree, so it watches any commit whose `python -m stages.train` trains one
`torch.nn.Module` with one `torch.optim.Optimizer` in this process. Of the tree itself it needs
`resnetbk.params.load_params` and `resnetbk.repro.levels.pin_environment`, to set the level's variables before
torch is imported. What runs without gradients, such as a validation, is not watched.
"""

from __future__ import annotations

import hashlib
import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any


class Recorder:
    """Listens to every module and optimiser of this process; see the module's docstring."""

    def __init__(self, out: Path, until: int, detail: int) -> None:
        self.out, self.until, self.detail = out, until, detail
        self.step = 0  # optimiser steps that are done
        self.depth = 0  # of calls of modules
        self.modules: dict[Any, str] = {}  # a module of the model to its name
        self.parameters: dict[Any, str] = {}
        self.events: list[dict[str, str]] = []
        self.tensors: dict[str, Any] = {}
        self.handles: list[Any] = []

    def install(self) -> None:
        """Set hooks for the whole process."""
        from torch.nn.modules import module
        from torch.optim import optimizer

        module.register_module_forward_pre_hook(self.before_forward)
        module.register_module_forward_hook(self.after_forward)
        optimizer.register_optimizer_step_pre_hook(self.before_step)
        optimizer.register_optimizer_step_post_hook(self.after_step)

    @property
    def watching(self) -> bool:
        import torch

        return self.step + 1 == self.detail and torch.is_grad_enabled()

    def before_forward(self, module: Any, inputs: tuple[Any, ...]) -> None:
        """Learn the model's names at its first call; watch what flows back into a module's input."""
        self.depth += 1
        if self.depth == 1 and module not in self.modules:
            self._learn(module)
        if self.watching:
            name = self._name(module)
            for place, tensor in _tensors(inputs):
                if self.depth == 1:
                    self._record("input", f"input of {name}{place}", tensor)
                self._watch(f"gradient of the input of {name}{place}", tensor)

    def after_forward(self, module: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Record a module's output, and watch the gradient that comes back to it."""
        self.depth -= 1
        if self.watching:
            name = self._name(module)
            for place, tensor in _tensors(output):
                self._record("forward", f"output of {name}{place}", tensor)
                self._watch(f"gradient of the output of {name}{place}", tensor)

    def before_step(self, optimiser: Any, *_: Any) -> None:
        """Note the initial weights, or the gradients that the optimiser is given."""
        parameters = self._named_parameters(optimiser)
        if self.step == 0:
            self._note_state(optimiser, parameters)
            if self.detail == 0:
                for name, parameter in parameters:
                    self._record("initialisation", f"initial weights {name}", parameter)
                self._stop()
        if self.step + 1 == self.detail:
            for name, parameter in parameters:
                if parameter.grad is not None:
                    self._record("optimiser", f"gradient of {name} as the optimiser is given it", parameter.grad)

    def after_step(self, optimiser: Any, *_: Any) -> None:
        """Count a step; note the weights; leave when what was asked for is known."""
        parameters = self._named_parameters(optimiser)
        self.step += 1
        self._note_state(optimiser, parameters)
        if self.step == self.detail:
            for name, parameter in parameters:
                for key, value in optimiser.state[parameter].items():
                    self._record("optimiser", f"{key} of {name}", value)
            for name, parameter in parameters:
                self._record("optimiser", f"weights {name} after the step", parameter)
        if self.step >= self.until:
            self._stop()

    def _learn(self, model: Any) -> None:
        self.modules |= {part: name for name, part in model.named_modules()}
        for name, parameter in model.named_parameters():
            if parameter not in self.parameters:
                self.parameters[parameter] = name
                parameter.register_post_accumulate_grad_hook(self._accumulated)

    def _accumulated(self, parameter: Any) -> None:
        if self.step + 1 == self.detail:
            self._record("backward", f"gradient of parameter {self.parameters[parameter]}", parameter.grad)

    def _watch(self, what: str, tensor: Any) -> None:
        if tensor.requires_grad:
            tensor.register_hook(lambda gradient: self._record("backward", what, gradient))

    def _named_parameters(self, optimiser: Any) -> list[tuple[str, Any]]:
        parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
        return [(self.parameters.get(p, f"number {place}"), p) for place, p in enumerate(parameters)]

    def _name(self, module: Any) -> str:
        return self.modules.get(module) or type(module).__name__

    def _note_state(self, optimiser: Any, parameters: list[tuple[str, Any]]) -> None:
        digest = hashlib.sha256()
        for name, parameter in parameters:
            moments = optimiser.state[parameter].items() if self.step else ()
            for what, value in (
                ("weights", parameter),
                ("gradient", parameter.grad if self.step else None),
                *moments,
            ):
                if value is not None:
                    digest.update(f"{name} {what} {_digest(value)}\n".encode())
        with (self.out / "steps").open("a", encoding="utf-8") as file:
            file.write(f"{self.step} {digest.hexdigest()}\n")

    def _record(self, direction: str, what: str, tensor: Any) -> None:
        key = f"{len(self.events):06}"
        self.events.append({"direction": direction, "what": what, "digest": _digest(tensor), "tensor": key})
        self.tensors[key] = tensor.detach().cpu().clone().contiguous()

    def _stop(self) -> None:
        """Write what was recorded and end the process: the rest of the training is not wanted."""
        from safetensors.torch import save_file

        if self.detail != -1:
            save_file(self.tensors, self.out / "tensors.safetensors")
            (self.out / "events.json").write_text(json.dumps(self.events), encoding="utf-8")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _digest(tensor: Any) -> str:
    import torch

    flat = tensor.detach().cpu().contiguous().reshape(-1)
    digest = hashlib.sha256(f"{tensor.dtype} {tuple(tensor.shape)}\n".encode())
    digest.update(flat.view(torch.uint8).numpy())
    return digest.hexdigest()


def _tensors(value: Any, place: str = "") -> list[tuple[str, Any]]:
    """Return the tensors of nested tuples, lists and dicts, each with its place."""
    import torch

    if isinstance(value, torch.Tensor):
        return [(place, value)]
    if isinstance(value, tuple | list):
        if len(value) == 1:
            return _tensors(value[0], place)
        value = dict(enumerate(value))
    if isinstance(value, dict):
        return [found for key, part in value.items() for found in _tensors(part, f"{place}[{key}]")]
    return []


def main() -> None:
    """Pin the tree's level of determinism, set the hooks, and run the tree's stage as dvc.yaml does."""
    out, until, detail, *item = sys.argv[1:]
    sys.path.insert(0, os.getcwd())
    from resnetbk.params import load_params
    from resnetbk.repro.levels import pin_environment

    pin_environment(load_params().run.determinism)
    Recorder(Path(out), int(until), int(detail)).install()
    sys.argv = ["stages.train", *item]
    runpy.run_module("stages.train", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
