"""What a logged step shows of a model beside its loss, taken while the step is made and without changing it.

All of it is a function of code, parameters and data: it stands in the versioned history. Nothing is kept of a step
that is not logged. V vocabulary.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm


class Measures:
    """The measures of one step; `values` has them by name once the step is done.

    - `gradient_max`: largest element of the gradient, before clipping; `parameter_norm` of the weights after the
      step; `update_norm` of what the step added to them.
    - `nonfinite/gradients`, `nonfinite/logits`: numbers of such elements.
    - what the model's modules say of themselves: a module with a method `statistics` is asked, with the first
      sequence of what its `forward` was given in the first part of the step: more would cost more than a log is
      worth. Fractions are averaged over modules, whole numbers added.

    A fraction that is not finite is left out.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._found: dict[str, float | int] = {}

    @property
    def values(self) -> dict[str, float | int]:
        return {name: value for name, value in self._found.items() if math.isfinite(value)}

    @contextmanager
    def of_forward(self) -> Iterator[None]:
        """Around the forward of the step's first part."""
        seen: list[tuple[nn.Module, Tensor]] = []
        logits: list[Tensor] = []
        handles = [
            self._model.register_forward_hook(lambda module, inputs, output: logits.append(output.detach()))
        ]
        handles += [
            module.register_forward_hook(lambda module, inputs, output: seen.append((module, inputs[0][:1])))
            for module in self._model.modules()
            if hasattr(module, "statistics")
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
        self._found["nonfinite/logits"] = non_finite(logits)
        self._found |= _gather(module.statistics(sequence) for module, sequence in seen)

    def of_gradients(self) -> None:
        """Once they are summed, before they are clipped."""
        gradients = [parameter.grad for parameter in self._model.parameters() if parameter.grad is not None]
        ranges = [_range(gradient) for gradient in gradients]
        self._found["gradient_max"] = max(max(-low, high) for low, high in ranges)
        self._found["nonfinite/gradients"] = sum(map(_count, gradients, ranges))

    @contextmanager
    def of_update(self) -> Iterator[None]:
        """Around the optimiser's step; for so long a copy of the weights takes the room of the activations."""
        parameters = [parameter.detach() for parameter in self._model.parameters()]
        before = [parameter.clone() for parameter in parameters]
        yield
        self._found["parameter_norm"] = get_total_norm(parameters).item()
        updates = [old.sub_(parameter) for parameter, old in zip(parameters, before, strict=True)]
        self._found["update_norm"] = get_total_norm(updates).item()  # whatever their sign


@torch.no_grad()
def non_finite(tensors: Iterable[Tensor]) -> int:
    """Return how many elements are infinite or not a number; one reading of the tensors where there are none."""
    return sum(_count(tensor, _range(tensor)) for tensor in tensors if tensor.numel())


def _count(tensor: Tensor, found: tuple[float, float]) -> int:
    """Return how many elements of a tensor of that `_range` are not finite."""
    low, high = found
    return 0 if math.isfinite(high - low) else int((~torch.isfinite(tensor)).sum())


def _range(tensor: Tensor) -> tuple[float, float]:
    """Return the smallest and the largest element, both NaN where any is: several times faster than a norm."""
    low, high = torch.aminmax(tensor)
    return low.item(), high.item()


def _gather(found: Iterable[dict[str, Tensor]]) -> dict[str, float | int]:
    """Summarise by name: means of fractions, sums of whole numbers."""
    by_name: dict[str, list[float | int]] = defaultdict(list)
    for statistics in found:
        for name, value in statistics.items():
            by_name[name].append(value.item())
    return {
        name: sum(values) if isinstance(values[0], int) else math.fsum(values) / len(values)
        for name, values in by_name.items()
    }
