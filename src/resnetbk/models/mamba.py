"""Mamba: Hugging Face's class, weights, names and initialisation; only its scan and convolution are ours.

Hugging Face's own CPU path scans in a Python loop; `make benchmark` times the two side by side.

B batch, N length, E inner width, S state, R rank of the step size, T taps of the convolution, V vocabulary.
Source: Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", 2023.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import MambaConfig, MambaForCausalLM
from transformers.models.mamba.modeling_mamba import MambaMixer

from resnetbk.kernels.convolution import causal_convolution_silu, causal_convolution_silu_from_state
from resnetbk.kernels.selective import selective_scan, selective_scan_from_state
from resnetbk.models.language_model import State
from resnetbk.models.sizing import Shape, fit
from resnetbk.models.state_space import StateSpaceModel, official_kernels_apply
from resnetbk.params import models as params


class ScanMixer(MambaMixer):
    """Hugging Face's mixer with the same parameters, computed by the project's kernels."""

    def forward(self, hidden_states: Tensor, cache_params=None, attention_mask=None, **options) -> Tensor:
        assert cache_params is None and attention_mask is None, "whole, unpadded sequences only"
        if official_kernels_apply(hidden_states):
            return super().forward(hidden_states, **options)
        x_BNE, gate_BNE = self._inputs(hidden_states)
        u_BNE = causal_convolution_silu(x_BNE, self.conv1d.weight.squeeze(1), self.conv1d.bias)
        return self.out_proj(selective_scan(*self._scanned(u_BNE), gate_BNE))

    def initial_state(self, batch: int) -> State:
        """Return the convolution's past inputs [B, T-1, E] and the scan's state [B, E, S], all zero."""
        like = self.A_log
        return (
            like.new_zeros(batch, self.conv_kernel_size - 1, self.intermediate_size),
            like.new_zeros(batch, self.intermediate_size, self.ssm_state_size),
        )

    def step(self, hidden_states: Tensor, state: State) -> tuple[Tensor, State]:
        """Go on from a state: the outputs of the next tokens, and the state after them."""
        past_BTE, h_BES = state
        x_BNE, gate_BNE = self._inputs(hidden_states)
        u_BNE, (past_BTE,) = causal_convolution_silu_from_state(
            x_BNE, self.conv1d.weight.squeeze(1), self.conv1d.bias, (past_BTE,)
        )
        y_BNE, (h_BES,) = selective_scan_from_state(*self._scanned(u_BNE), gate_BNE, (h_BES,))
        return self.out_proj(y_BNE), (past_BTE, h_BES)

    def _inputs(self, hidden_states: Tensor) -> tuple[Tensor, Tensor]:
        w_x, w_gate = self.in_proj.weight.split(self.intermediate_size)
        # two products: both halves come out contiguous
        return F.linear(hidden_states, w_x), F.linear(hidden_states, w_gate)

    def _scanned(self, u_BNE: Tensor) -> tuple[Tensor, ...]:
        """Return the scan's arguments but for the gate; the softplus of the step size is inside the scan."""
        step_BNR, b_BNS, c_BNS = self.x_proj(u_BNE).split(
            [self.time_step_rank, self.ssm_state_size, self.ssm_state_size], dim=-1
        )
        return u_BNE, self.dt_proj(step_BNR), -torch.exp(self.A_log), b_BNS, c_BNS, self.D


class Mamba(StateSpaceModel, MambaForCausalLM):
    """`MambaForCausalLM` behind the project's signature; its state dict is Hugging Face's."""

    def __init__(self, config: MambaConfig):
        MambaForCausalLM.__init__(self, config)
        self.adopt_mixers(ScanMixer)
        self.dimensions = {
            "layers": config.num_hidden_layers,
            "width": config.hidden_size,
            "inner_width": config.intermediate_size,
            "state_size": config.state_size,
            "time_step_rank": config.time_step_rank,
        }

    def forward(self, tokens_BL: Tensor) -> Tensor:
        return MambaForCausalLM.forward(self, tokens_BL, use_cache=False).logits


def build(config: params.Mamba, vocabulary_size: int, parameter_budget: int) -> Mamba:
    """Build a Mamba of the given budget.

    The width does most of the sizing. What is left goes to the rank of the step size: never below Mamba's
    own choice, a sixteenth of the width, so the baseline is not weakened. Only with `norm` anything but Hugging
    Face's is added to it.
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
        if config.norm:
            block += inner + 2 * config.state_size
        return vocabulary_size * width + config.layers * block + width

    shape = fit(shapes, count, step=2, budget=parameter_budget, vocabulary_size=vocabulary_size, family="mamba")
    return _kind(config)(
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


def _kind(config: params.Mamba) -> type[Mamba]:
    """Return the class; the other one's modules are not imported."""
    if not config.norm:
        return Mamba
    from resnetbk.models.mamba_normed import NormedMamba

    return NormedMamba
