"""A trained model cut off after some of its layers, and what that costs.

B batch, L length.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from resnetbk.models.language_model import LanguageModel


@contextmanager
def first_layers(model: LanguageModel, layers: int) -> Iterator[None]:
    """Within the block a model has its first layers alone; its last norm and its head read what they leave."""
    parent, name, whole = _stack(model)
    setattr(parent, name, whole[:layers])
    try:
        yield
    finally:
        setattr(parent, name, whole)


@torch.no_grad()
def forward_flops(model: LanguageModel, length: int) -> int:
    """Count the floating-point operations of a forward over one sequence; see `resnetbk.kernels.flops`.

    Attention is counted in its plain form: torch has no formula for the CPU's fused one.
    """
    tokens_BL = torch.zeros(1, length, dtype=torch.int64)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(tokens_BL)
    return counter.get_total_flops()


def _stack(model: LanguageModel) -> tuple[nn.Module, str, nn.ModuleList]:
    """Return a model's layers, and the module and attribute that hold them."""
    for parent in model.modules():
        for name, child in parent.named_children():
            if isinstance(child, nn.ModuleList):
                assert len(child) == model.dimensions["layers"], name
                return parent, name, child
    raise AssertionError("a language model has a list of layers")
