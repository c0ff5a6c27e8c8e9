"""Weights and activations of few bits, simulated: values are rounded to the grid and computed with in float32.

The same rule and the same calibration for every model, whatever its family:

- Weights: every parameter of two or more dimensions that takes weight decay (projections, embedding, convolutions;
  not rates such as Mamba's A_log), as a matrix of outputs and inputs. 16 bits are bfloat16. Fewer are integers
  q = round(w / s) in [-(2^(b-1) - 1), 2^(b-1) - 1], symmetric, to the nearest, one scale s for each output or for
  each group of neighbouring inputs of it. s makes the largest weight of its group, clipped to the fraction that
  gives the least squared error among those tried, the largest integer. No data are looked at.
- Activations: the input of every product with a weight matrix, symmetric, one scale a token, taken when it comes.

The scans and norms between the products stay in float32.

Source: Nagel et al., "A White Paper on Neural Network Quantization", 2021, sections 2.2 and 3.1.

R rows (outputs), C columns (inputs), G groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from transformers.pytorch_utils import Conv1D

SCALE_BITS = 32  # a scale is a float32


def quantisable(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield the names and parameters whose bits are reduced, each tied one once."""
    for name, parameter in model.named_parameters():
        if parameter.ndim >= 2 and not getattr(parameter, "_no_weight_decay", False):
            yield name, parameter


@torch.no_grad()
def quantise_weights(model: nn.Module, *, bits: int, group: int | None, clips: Iterable[float]) -> dict[str, Any]:
    """Round a model's weights in place.

    **Arguments:** `bits`: 16 or 2 to 8; `group`: inputs that share a scale, None for all of an output; `clips`:
    the fractions of a group's largest weight that are tried, in (0, 1].
    **Returns:** weight_bytes (what all parameters take, scales with them, those left alone in float32),
    quantised_share (of the parameters), and mean_squared_error (of the weights, relative to their mean square).
    """
    clips = tuple(clips)
    bits_taken = chosen = everything = 0
    error = power = 0.0
    for parameter in model.parameters():
        everything += parameter.numel()
        bits_taken += 32 * parameter.numel()
    inputs_first = {id(module.weight) for module in model.modules() if isinstance(module, Conv1D)}
    for _, parameter in quantisable(model):
        turned = id(parameter) in inputs_first
        matrix_RC = parameter.T if turned else parameter.flatten(1)
        rounded_RC = matrix_RC.bfloat16().float() if bits == 16 else to_grid(matrix_RC, bits, group, clips)
        error += float((rounded_RC - matrix_RC).double().square().sum())
        power += float(matrix_RC.double().square().sum())
        parameter.copy_(rounded_RC.T if turned else rounded_RC.view_as(parameter))
        scales = 0 if bits == 16 else len(matrix_RC) * -(-matrix_RC.shape[1] // (group or matrix_RC.shape[1]))
        bits_taken += (bits - 32) * parameter.numel() + SCALE_BITS * scales
        chosen += parameter.numel()
    return {
        "weight_bytes": -(-bits_taken // 8),
        "quantised_share": chosen / everything,
        "mean_squared_error": error / power,
    }


def to_grid(matrix_RC: Tensor, bits: int, group: int | None, clips: Iterable[float]) -> Tensor:
    """Return a matrix rounded to `2^bits - 1` values of each group; see `quantise_weights`."""
    columns = matrix_RC.shape[1]
    size = min(group or columns, columns)
    padded_RC = F.pad(matrix_RC, (0, -columns % size))  # zeros change no group's largest weight and cost nothing
    w_RGC = padded_RC.unflatten(1, (-1, size))
    top = 2 ** (bits - 1) - 1
    largest_RG1 = w_RGC.abs().amax(-1, keepdim=True)
    best_RGC = torch.zeros_like(w_RGC)
    least_RG1 = torch.full_like(largest_RG1, torch.inf)
    for clip in clips:
        rounded_RGC = _round(w_RGC, clip * largest_RG1 / top, top)
        error_RG1 = (rounded_RGC - w_RGC).double().square().sum(-1, keepdim=True).to(w_RGC.dtype)
        better_RG1 = error_RG1 < least_RG1
        best_RGC = torch.where(better_RG1, rounded_RGC, best_RGC)
        least_RG1 = torch.where(better_RG1, error_RG1, least_RG1)
    return best_RGC.flatten(1)[:, :columns]


def _round(x: Tensor, scale: Tensor, top: int) -> Tensor:
    """Return x on the grid of multiples of a scale, at most `top` of them; where the scale is 0, 0."""
    return torch.where(scale > 0, torch.round(x / scale).clamp(-top, top) * scale, 0.0)


INPUT = {F.linear: 0, torch.addmm: 1}  # which argument of a product is its input


class ActivationBits(TorchFunctionMode):
    """Within the block, the input of every linear product is rounded token by token.

    Products with a weight go through `F.linear`, or `torch.addmm` in Hugging Face's `Conv1D`.

    **Arguments:** `bits`: 2 to 8. `rounded`, an attribute, counts the products that were met.
    """

    def __init__(self, bits: int):
        super().__init__()
        self.top = 2 ** (bits - 1) - 1
        self.rounded = 0

    def __torch_function__(
        self, function: Callable, types: Any, arguments: tuple = (), options: dict[str, Any] | None = None
    ) -> Any:
        if function in INPUT:
            place = INPUT[function]
            x = arguments[place]
            scale = x.abs().amax(-1, keepdim=True) / self.top
            arguments = (*arguments[:place], _round(x, scale, self.top), *arguments[place + 1 :])
            self.rounded += 1
        return function(*arguments, **(options or {}))
