"""Initial values of the weights of a ResNet-BK model.

At the start every block writes little into the residual stream beside what the embedding puts there;
docs/lab-notebook.md has what that is worth.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

EMBEDDING_STD = 0.05
READOUT_SCALE = 0.01


def residual_scale(layers: int) -> float:
    """Return the factor on initial output projections: the residual stream sums one output per layer."""
    return READOUT_SCALE * layers**-0.5


def matrix(outputs: int, inputs: int, scale: float = 1.0) -> nn.Parameter:
    """Return a projection [outputs, inputs], normal with standard deviation `scale` / sqrt(inputs)."""
    return nn.Parameter(torch.randn(outputs, inputs) * (scale * inputs**-0.5))


def inverse_softplus(x: Tensor) -> Tensor:
    """Return b with softplus(b) = x > 0."""
    return x + torch.log(-torch.expm1(-x))
