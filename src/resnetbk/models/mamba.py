"""Mamba: Hugging Face's class, weights, names and initialisation; only its scan and convolution are ours.

Hugging Face's own CPU path scans in a Python loop, some 200 times slower on the same weights.

B batch, N length, E inner width, S state, R rank of the step size, V vocabulary.
Source: Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", 2023.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import MambaConfig, MambaForCausalLM
from transformers.models.mamba.modeling_mamba import MambaMixer

from resnetbk import params
from resnetbk.kernels.convolution import causal_convolution_silu
from resnetbk.kernels.selective import selective_scan
from resnetbk.models.language_model import LanguageModel, exempt_from_weight_decay
from resnetbk.models.sizing import Shape, fit

FLOAT_BYTES = 4


class ScanMixer(MambaMixer):
    """Hugging Face's mixer with the same parameters, computed by the project's CPU kernels."""

    def forward(self, hidden_states: Tensor, cache_params=None, attention_mask=None, **_) -> Tensor:
        assert cache_params is None and attention_mask is None, "whole, unpadded sequences only"
        width = self.intermediate_size
        w_u, w_gate = self.in_proj.weight.split(width)  # two products: both halves come out contiguous
        u_BNE = causal_convolution_silu(
            F.linear(hidden_states, w_u), self.conv1d.weight.squeeze(1), self.conv1d.bias
        )
        step_BNR, b_BNS, c_BNS = self.x_proj(u_BNE).split(
            [self.time_step_rank, self.ssm_state_size, self.ssm_state_size], dim=-1
        )
        dt_BNE = F.softplus(self.dt_proj(step_BNR))
        y_BNE = selective_scan(u_BNE, dt_BNE, -torch.exp(self.A_log), b_BNS, c_BNS, self.D)
        return self.out_proj(y_BNE * F.silu(F.linear(hidden_states, w_gate)))


class Mamba(LanguageModel, MambaForCausalLM):
    """`MambaForCausalLM` behind the project's signature; its state dict is Hugging Face's."""

    def __init__(self, config: MambaConfig):
        MambaForCausalLM.__init__(self, config)
        for block in self.backbone.layers:
            block.mixer.__class__ = ScanMixer  # built and initialised by Hugging Face; only `forward` changes
        exempt_from_weight_decay(self, ("A_log",))
        self.dimensions = {
            "layers": config.num_hidden_layers,
            "width": config.hidden_size,
            "inner_width": config.intermediate_size,
            "state_size": config.state_size,
            "time_step_rank": config.time_step_rank,
        }

    def forward(self, tokens_BL: Tensor) -> Tensor:
        return MambaForCausalLM.forward(self, tokens_BL, use_cache=False).logits

    def state_size(self, length: int) -> int:
        """Return the bytes of the scan's and the convolution's state; they do not grow with `length`."""
        config = self.config
        per_channel = config.state_size + config.conv_kernel - 1
        return config.num_hidden_layers * config.intermediate_size * per_channel * FLOAT_BYTES


def build(config: params.Mamba, vocabulary_size: int, parameter_budget: int) -> Mamba:
    """Build a Mamba of the given budget.

    The width does most of the sizing. What is left goes to the rank of the step size: never below Mamba's
    own choice, a sixteenth of the width, so the baseline is not weakened.
    """

    def natural_rank(width: int) -> int:
        return math.ceil(width / 16)

    def shapes(width: int) -> list[Shape]:
        rank = natural_rank(width)
        return [Shape(width, rank + extra, extra / rank) for extra in range(2 * rank + 1)]

    def count(shape: Shape) -> int:
        width, rank, _ = shape
        inner = config.expand * width
        projections = 3 * width * inner + inner * (rank + 2 * config.state_size) + rank * inner + inner
        block = projections + inner * (config.convolution + 1) + inner * (config.state_size + 1) + width
        return vocabulary_size * width + config.layers * block + width

    shape = fit(shapes, count, step=2, budget=parameter_budget, vocabulary_size=vocabulary_size, family="mamba")
    return Mamba(
        MambaConfig(
            vocab_size=vocabulary_size,
            hidden_size=shape.width,
            time_step_rank=shape.inner,
            num_hidden_layers=config.layers,
            state_size=config.state_size,
            conv_kernel=config.convolution,
            expand=config.expand,
            pad_token_id=None,
            bos_token_id=None,
            eos_token_id=None,
            use_cache=False,
        )
    )
