"""AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) with decay on matrices alone."""

from __future__ import annotations

import torch
from torch import nn


def build_optimiser(model: nn.Module, *, weight_decay: float, beta1: float, beta2: float) -> torch.optim.AdamW:
    """Return AdamW over every parameter that takes a gradient; the loop sets the learning rate at each step.

    Vectors (norms, biases, gains) and parameters whose owner marked them `_no_weight_decay` (rates such as
    Mamba's A_log, which decay would push towards another time scale) are not decayed.
    """
    decayed, kept = [], []
    for parameter in model.parameters():
        exempt = parameter.ndim < 2 or getattr(parameter, "_no_weight_decay", False)
        (kept if exempt else decayed).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=0.0, betas=(beta1, beta2), fused=True
    )
