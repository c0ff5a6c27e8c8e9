"""The transformer: Hugging Face's Llama (RoPE, RMSNorm, SwiGLU), PyTorch's attention, a tied embedding.

Source: Touvron et al., "LLaMA: Open and Efficient Foundation Language Models", 2023.
"""

from __future__ import annotations

from transformers import LlamaConfig, LlamaForCausalLM

from resnetbk.models.attention import AttentionModel, feed_forward_shapes
from resnetbk.models.language_model import exempt_from_weight_decay
from resnetbk.models.sizing import Shape, fit
from resnetbk.params import models as params


class Transformer(AttentionModel, LlamaForCausalLM):
    """`LlamaForCausalLM` behind the project's signature; its state dict is Hugging Face's."""

    original = LlamaForCausalLM

    def __init__(self, config: LlamaConfig):
        LlamaForCausalLM.__init__(self, config)
        exempt_from_weight_decay(self)
        self.dimensions = {
            "layers": config.num_hidden_layers,
            "width": config.hidden_size,
            "ffn_width": config.intermediate_size,
            "heads": config.num_attention_heads,
        }


def build(config: params.Transformer, vocabulary_size: int, parameter_budget: int) -> Transformer:
    """Build a Llama of the given budget; the width of its feed-forward layers takes up the remainder."""

    def count(shape: Shape) -> int:
        block = 4 * shape.width**2 + 3 * shape.width * shape.inner + 2 * shape.width
        return vocabulary_size * shape.width + config.layers * block + shape.width

    shape = fit(
        lambda width: feed_forward_shapes(width, config.ffn_ratio),
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
