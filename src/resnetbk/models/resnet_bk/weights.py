"""Initial values of the weights of a ResNet-BK block."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def matrix(outputs: int, inputs: int, scale: float = 1.0) -> nn.Parameter:
    """Return a projection [outputs, inputs], normal with standard deviation `scale` / sqrt(inputs)."""
    return nn.Parameter(torch.randn(outputs, inputs) * (scale * inputs**-0.5))


def inverse_softplus(x: Tensor) -> Tensor:
    """Return b with softplus(b) = x > 0."""
    return x + torch.log(-torch.expm1(-x))
