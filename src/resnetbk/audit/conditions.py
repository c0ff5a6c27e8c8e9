"""The conditions under which a model is audited: two sets of weights, two modes.

A leak behind a gate that is zero at initialisation shows only once training has moved the gate, so each
model is also run with noise added to every parameter. A leak through batch statistics shows in training
mode alone.

B batch, L length, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn
from torch.func import functional_call

NOISE = 0.02  # the usual standard deviation of an embedding: moves every gate, keeps every rate in its range

Forward = Callable[[torch.Tensor], torch.Tensor]


def conditions(model: nn.Module, seed: int) -> Iterator[tuple[str, Forward]]:
    """Yield the name of each condition and the model under it: tokens_BL to logits_BLV.

    **Arguments:** `model`: is left with its weights and its mode as found; `seed`: of the noise, and of
    torch's generator at each call, so that dropout falls on the same elements each time.
    """
    mode = model.training
    try:
        for weights, parameters in (("initial", {}), ("stirred", _stirred(model, seed))):
            for training in (False, True):
                model.train(training)

                def forward(tokens_BL: torch.Tensor, parameters=parameters) -> torch.Tensor:
                    with torch.random.fork_rng(devices=[]):
                        torch.manual_seed(seed)
                        return functional_call(model, parameters, (tokens_BL,))

                yield f"{weights} weights, {'training' if training else 'evaluation'} mode", forward
    finally:
        model.train(mode)


def cut_positions(length: int, count: int = 15) -> list[int]:
    """Return the positions at which a sequence is cut into past and future: about `count`, in [1, length)."""
    spread = np.linspace(1, length - 1, count).round().astype(int).tolist()
    return sorted({*spread, max(1, length // 2)})


def _stirred(model: nn.Module, seed: int) -> dict[str, torch.Tensor]:
    generator = np.random.Generator(np.random.PCG64(seed))
    return {
        name: parameter.detach()
        + NOISE * torch.from_numpy(generator.standard_normal(parameter.shape)).to(parameter.dtype)
        for name, parameter in model.named_parameters()
    }
