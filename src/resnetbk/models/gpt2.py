"""GPT-2: Hugging Face's class (learned positions, LayerNorm, GELU), PyTorch's attention, a tied embedding.

Nothing is dropped out, as in the other families. The positions learned are a table, and there is none beyond it.
Source: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019.
"""

from __future__ import annotations

from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from resnetbk.errors import UserError
from resnetbk.models.attention import AttentionModel, feed_forward_shapes
from resnetbk.models.language_model import State, exempt_from_weight_decay
from resnetbk.models.sizing import Shape, fit
from resnetbk.params import models as params


class GPT2(AttentionModel, GPT2LMHeadModel):
    """`GPT2LMHeadModel` behind the project's signature; its state dict is Hugging Face's."""

    original = GPT2LMHeadModel

    def __init__(self, config: GPT2Config):
        GPT2LMHeadModel.__init__(self, config)
        exempt_from_weight_decay(self)
        self.dimensions = {
            "layers": config.num_hidden_layers,
            "width": config.hidden_size,
            "ffn_width": config.n_inner,
            "heads": config.num_attention_heads,
            "context": config.max_position_embeddings,
        }

    def forward(self, tokens_BL: Tensor) -> Tensor:
        self._require_positions(tokens_BL.shape[1])
        return super().forward(tokens_BL)

    def _step(self, tokens_BL: Tensor, state: State) -> tuple[Tensor, State]:
        self._require_positions(state[0][0].shape[2] + tokens_BL.shape[1])
        return super()._step(tokens_BL, state)

    def _require_positions(self, length: int) -> None:
        if length > self.dimensions["context"]:
            raise UserError(
                f"gpt2: a sequence of {length} tokens is longer than its {self.dimensions['context']} learned "
                "positions: shorten the sequence, or raise context in models and train again"
            )


def build(config: params.GPT2, vocabulary_size: int, parameter_budget: int) -> GPT2:
    """Build a GPT-2 of the given budget; the width of its feed-forward layers takes up the remainder."""

    def count(shape: Shape) -> int:
        width, inner, _ = shape
        block = 4 * (width**2 + width) + 2 * width * inner + inner + width + 4 * width
        return (vocabulary_size + config.context) * width + config.layers * block + 2 * width

    shape = fit(
        lambda width: feed_forward_shapes(width, config.ffn_ratio),
        count,
        step=config.heads,
        budget=parameter_budget,
        vocabulary_size=vocabulary_size,
        family="gpt2",
    )
    return GPT2(
        GPT2Config(
            vocab_size=vocabulary_size,
            n_positions=config.context,
            n_embd=shape.width,
            n_inner=shape.inner,
            n_layer=config.layers,
            n_head=config.heads,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            attn_implementation="sdpa",
            use_cache=False,
            pad_token_id=None,
            bos_token_id=None,
            eos_token_id=None,
        )
    )
