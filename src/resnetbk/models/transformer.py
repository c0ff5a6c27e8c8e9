"""The transformer: Hugging Face's Llama (RoPE, RMSNorm, SwiGLU), PyTorch's attention, a tied embedding.

Attention takes the `MATH` backend: plain products and a softmax, which the portable level of determinism
covers; the fused CPU kernel has vendor-dependent products inside.
Source: Touvron et al., "LLaMA: Open and Efficient Foundation Language Models", 2023.
"""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import LlamaConfig, LlamaForCausalLM

from resnetbk import params
from resnetbk.models.language_model import LanguageModel, exempt_from_weight_decay
from resnetbk.models.sizing import Shape, even, fit

FLOAT_BYTES = 4
FFN_RANGE = 0.5  # the feed-forward width may leave its natural ratio by this fraction to meet the budget


class Transformer(LanguageModel, LlamaForCausalLM):
    """`LlamaForCausalLM` behind the project's signature; its state dict is Hugging Face's."""

    def __init__(self, config: LlamaConfig):
        LlamaForCausalLM.__init__(self, config)
        exempt_from_weight_decay(self)
        self.dimensions = {
            "layers": config.num_hidden_layers,
            "width": config.hidden_size,
            "ffn_width": config.intermediate_size,
            "heads": config.num_attention_heads,
        }

    def forward(self, tokens_BL: Tensor) -> Tensor:
        with sdpa_kernel(SDPBackend.MATH):
            return LlamaForCausalLM.forward(self, tokens_BL, use_cache=False).logits

    def state_size(self, length: int) -> int:
        """Return the bytes of the keys and values of `length` tokens."""
        return self.config.num_hidden_layers * 2 * length * self.config.hidden_size * FLOAT_BYTES


def build(config: params.Transformer, vocabulary_size: int, parameter_budget: int) -> Transformer:
    """Build a Llama of the given budget; the width of its feed-forward layers takes up the remainder."""

    def shapes(width: int) -> list[Shape]:
        natural = config.ffn_ratio * width
        low, high = even(natural * (1 - FFN_RANGE)), even(natural * (1 + FFN_RANGE))
        inners = range(low, high + 1, 2)
        return sorted(
            (Shape(width, inner, abs(math.log(inner / natural))) for inner in inners),
            key=lambda shape: shape.deviation,
        )

    def count(shape: Shape) -> int:
        block = 4 * shape.width**2 + 3 * shape.width * shape.inner + 2 * shape.width
        return vocabulary_size * shape.width + config.layers * block + shape.width

    shape = fit(
        shapes,
        count,
        step=2 * config.heads,  # rotary embedding turns pairs of channels: a head's width is even
        budget=parameter_budget,
        vocabulary_size=vocabulary_size,
        family="transformer",
    )
    return Transformer(
        LlamaConfig(
            vocab_size=vocabulary_size,
            hidden_size=shape.width,
            intermediate_size=shape.inner,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            num_key_value_heads=config.heads,
            rope_parameters={"rope_type": "default", "rope_theta": config.rope_theta},
            tie_word_embeddings=True,
            attn_implementation="sdpa",
            use_cache=False,
            pad_token_id=None,
            bos_token_id=None,
            eos_token_id=None,
        )
    )
