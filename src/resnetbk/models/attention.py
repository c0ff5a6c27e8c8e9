"""What the transformers share around Hugging Face's classes: attention, its keys and values as a state, sizing."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import DynamicCache

from resnetbk.models.language_model import LanguageModel, State, state_bytes
from resnetbk.models.sizing import Shape, even
from resnetbk.repro import portable

FFN_RANGE = 0.5  # the feed-forward width may leave its natural ratio by this fraction to meet the budget


class AttentionModel(LanguageModel):
    """A transformer of Hugging Face's; `original`, its class there, is the next base."""

    original: type[nn.Module]

    def forward(self, tokens_BL: Tensor) -> Tensor:
        with attention():
            return self.original.forward(self, tokens_BL, use_cache=False).logits

    def initial_state(self, batch: int) -> State:
        """Return the keys and values of no token: (k, v) a layer, each [batch, heads, 0, head's width]."""
        config = self.config
        heads, width = config.num_attention_heads, config.hidden_size
        empty = next(self.parameters()).new_zeros(batch, heads, 0, width // heads)
        return ((empty, empty),) * config.num_hidden_layers

    def _step(self, tokens_BL: Tensor, state: State) -> tuple[Tensor, State]:
        cache = DynamicCache(state)
        with attention():
            logits_BLV = self.original.forward(self, tokens_BL, past_key_values=cache, use_cache=True).logits
        return logits_BLV, tuple((layer.keys, layer.values) for layer in cache.layers)

    def state_size(self, length: int) -> int:
        """Return the bytes of the keys and values of `length` tokens."""
        token = next(self.parameters()).new_empty(2, self.config.num_hidden_layers, self.config.hidden_size)
        return length * state_bytes(token)


def attention() -> AbstractContextManager:
    """Return the context in which a model attends.

    Under the portable level it takes PyTorch's `MATH` backend, plain products and a softmax, which that level
    covers: the fused CPU kernel has vendor-dependent products inside. Under deterministic algorithms alone the
    fused `FLASH_ATTENTION` will do, whose adjoint has one order of additions, where the device has it. Otherwise
    PyTorch chooses.
    """
    if not torch.are_deterministic_algorithms_enabled():
        return nullcontext()
    if portable.installed():
        return sdpa_kernel(SDPBackend.MATH)
    return sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH])


def feed_forward_shapes(width: int, ratio: float) -> list[Shape]:
    """Return the shapes of a width with even feed-forward widths about `ratio` times it, the nearest first."""
    natural = ratio * width
    inners = range(even(natural * (1 - FFN_RANGE)), even(natural * (1 + FFN_RANGE)) + 1, 2)
    shapes = [Shape(width, inner, abs(math.log(inner / natural))) for inner in inners]
    return sorted(shapes, key=lambda shape: shape.deviation)
