"""What to say when a loss stops being a number: the step, and the first module whose output is not finite."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from resnetbk.errors import UserError
from resnetbk.training.measures import non_finite


class DivergenceError(UserError):
    """Training met a value that is not finite, in optimiser step `step` (the first is 1).

    `counts`: by name of the metric, how many elements of the gradient and of the logits are not finite.
    """

    def __init__(self, message: str, step: int, counts: Mapping[str, int]) -> None:
        super().__init__(message)
        self.step = step
        self.counts = dict(counts)


def first_non_finite_module(model: nn.Module, tokens_BL: torch.Tensor) -> tuple[str | None, int]:
    """Run the model once more and return the name of the first module whose output is not finite.

    **Arguments:** `tokens_BL`: the token ids of the failing batch, int64.
    **Returns:** the module's dotted name, or None when every output is finite; and how many of the logits are not.
    """
    found: list[str] = []

    def watch(name: str):
        def hook(module: nn.Module, inputs: object, output: object) -> None:
            tensors = output if isinstance(output, tuple) else (output,)
            for tensor in tensors:
                if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
                    if not found and not torch.isfinite(tensor).all():
                        found.append(name)

        return hook

    handles = [module.register_forward_hook(watch(name)) for name, module in model.named_modules() if name]
    try:
        with torch.no_grad():
            logits_BLV = model(tokens_BL)
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else None, non_finite([logits_BLV])


def check_finite(value: float, what: str, step: int, model: nn.Module, tokens_BL: torch.Tensor) -> None:
    """Raise `DivergenceError` naming step and module when `value` is not finite."""
    if value - value == 0.0:
        return
    module, logits = first_non_finite_module(model, tokens_BL)
    if module:
        where = f"the first output that is not finite is that of module {module!r}"
    else:
        parameter = next(
            (n for n, p in model.named_parameters() if p.grad is not None and not torch.isfinite(p.grad).all()),
            None,
        )
        where = f"every output is finite; the gradient of {parameter!r} is not" if parameter else "the loss alone"
    raise DivergenceError(
        f"{what} is {value} at step {step}: {where}. Lower train.learning_rate or train.gradient_clip.",
        step,
        {
            "nonfinite/gradients": non_finite(p.grad for p in model.parameters() if p.grad is not None),
            "nonfinite/logits": logits,
        },
    )
