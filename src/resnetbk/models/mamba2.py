"""Mamba-2: Hugging Face's class, weights, names and initialisation; only its scan and convolution are ours.

B batch, N length, H heads, P channels a head, E = H P inner width, G groups, S state, T taps of the convolution.
Source: Dao and Gu, "Transformers are SSMs: Generalized Models and Efficient Algorithms Through Structured State
Space Duality", 2024.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import Mamba2Config, Mamba2ForCausalLM
from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer

from resnetbk.kernels.convolution import causal_convolution_silu, causal_convolution_silu_from_state
from resnetbk.kernels.state_space_dual import state_space_dual, state_space_dual_from_state
from resnetbk.models.language_model import State
from resnetbk.models.sizing import Shape, fit
from resnetbk.models.state_space import StateSpaceModel, official_kernels_apply
from resnetbk.params import models as params

HEAD_RANGE = 1.5  # times or divided by its configured width a head may be, to divide the inner width


class DualMixer(Mamba2Mixer):
    """Hugging Face's mixer with the same parameters, its scan and convolution done by the project's kernels."""

    def forward(self, hidden_states: Tensor, cache_params=None, attention_mask=None, **options) -> Tensor:
        assert cache_params is None and attention_mask is None, "whole, unpadded sequences only"
        # the official convolution reads rows whose length in memory is a multiple of 8
        if official_kernels_apply(hidden_states) and self.in_proj.out_features % 8 == 0:
            return super().forward(hidden_states, **options)
        gate_BNE, x_BNE, maps_BNM, dt_BNH = self._inputs(hidden_states)
        taps, bias = self._taps()
        x_BNE, maps_BNM = (
            causal_convolution_silu(*arguments) for arguments in zip((x_BNE, maps_BNM), taps, bias, strict=True)
        )
        y_BNHP = state_space_dual(*self._scanned(x_BNE, dt_BNH, maps_BNM))
        return self._output(y_BNHP, gate_BNE)

    def initial_state(self, batch: int) -> State:
        """Return zeros: the convolution's past inputs [B, T-1, E], [B, T-1, 2 G S] and the state [B, H, P, S]."""
        like, past = self.A_log, self.conv_kernel_size - 1
        return (
            like.new_zeros(batch, past, self.intermediate_size),
            like.new_zeros(batch, past, 2 * self.n_groups * self.ssm_state_size),
            like.new_zeros(batch, self.num_heads, self.head_dim, self.ssm_state_size),
        )

    def step(self, hidden_states: Tensor, state: State) -> tuple[Tensor, State]:
        """Go on from a state: the outputs of the next tokens, and the state after them."""
        past_x, past_maps, h_BHPS = state
        gate_BNE, x_BNE, maps_BNM, dt_BNH = self._inputs(hidden_states)
        (taps_x, taps_maps), (bias_x, bias_maps) = self._taps()
        x_BNE, (past_x,) = causal_convolution_silu_from_state(x_BNE, taps_x, bias_x, (past_x,))
        maps_BNM, (past_maps,) = causal_convolution_silu_from_state(maps_BNM, taps_maps, bias_maps, (past_maps,))
        y_BNHP, (h_BHPS,) = state_space_dual_from_state(*self._scanned(x_BNE, dt_BNH, maps_BNM), (h_BHPS,))
        return self._output(y_BNHP, gate_BNE), (past_x, past_maps, h_BHPS)

    def _inputs(self, hidden_states: Tensor) -> tuple[Tensor, ...]:
        """Return the gate, the scan's input, its maps B and C, and the raw step: a product each, so contiguous."""
        width, maps = self.intermediate_size, self.conv_dim - self.intermediate_size
        parts = self.in_proj.weight.split([width, width, maps, self.num_heads])
        return tuple(F.linear(hidden_states, part) for part in parts)

    def _taps(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        widths = [self.intermediate_size, self.conv_dim - self.intermediate_size]
        return self.conv1d.weight.squeeze(1).split(widths), self.conv1d.bias.split(widths)

    def _scanned(self, x_BNE: Tensor, dt_BNH: Tensor, maps_BNM: Tensor) -> tuple[Tensor, ...]:
        """Return the scan's arguments."""
        b_BNGS, c_BNGS = maps_BNM.unflatten(-1, (2, self.n_groups, self.ssm_state_size)).unbind(2)
        x_BNHP = x_BNE.unflatten(-1, (self.num_heads, self.head_dim))
        dt_BNH = F.softplus(dt_BNH + self.dt_bias).clamp(*self.time_step_limit)
        return x_BNHP, dt_BNH, -torch.exp(self.A_log), b_BNGS, c_BNGS, self.D

    def _output(self, y_BNHP: Tensor, gate_BNE: Tensor) -> Tensor:
        return self.out_proj(self.norm(y_BNHP.flatten(-2), gate_BNE))


class Mamba2(StateSpaceModel, Mamba2ForCausalLM):
    """`Mamba2ForCausalLM` behind the project's signature; its state dict is Hugging Face's."""

    def __init__(self, config: Mamba2Config):
        Mamba2ForCausalLM.__init__(self, config)
        self.adopt_mixers(DualMixer)
        self.dimensions = {
            "layers": config.num_hidden_layers,
            "width": config.hidden_size,
            "inner_width": config.num_heads * config.head_dim,
            "heads": config.num_heads,
            "state_size": config.state_size,
        }

    def forward(self, tokens_BL: Tensor) -> Tensor:
        return Mamba2ForCausalLM.forward(self, tokens_BL, use_cache=False).logits


def build(config: params.Mamba2, vocabulary_size: int, parameter_budget: int) -> Mamba2:
    """Build a Mamba-2 of the given budget.

    The width does most of the sizing, in heads as near to `head_width` as divide the inner width. What is left
    goes to the state: never below the configured one, so the baseline is not weakened.
    """

    step = math.lcm(2, config.groups // math.gcd(config.groups, config.expand))  # groups share the inner width

    def heads(width: int) -> int:
        inner = config.expand * width
        counts = [n for n in range(config.groups, inner + 1, config.groups) if inner % n == 0]
        return min(counts, key=lambda n: abs(math.log(inner / n / config.head_width)))

    def deviation(width: int) -> float:
        return abs(math.log(config.expand * width / heads(width) / config.head_width))

    def shapes(width: int) -> list[Shape]:
        while deviation(width) > math.log(HEAD_RANGE) and width > step:
            width -= step
        states = range(config.state_size, 2 * config.state_size + 32)
        return [Shape(width, n, deviation(width) + math.log(n / config.state_size)) for n in states]

    def count(shape: Shape) -> int:
        width, states, _ = shape
        inner, n, maps = config.expand * width, heads(width), 2 * config.groups * states
        projections = width * (2 * inner + maps + n) + inner * width
        block = projections + (inner + maps) * (config.convolution + 1) + 3 * n + inner + width
        return vocabulary_size * width + config.layers * block + width

    shape = fit(
        shapes, count, step=step, budget=parameter_budget, vocabulary_size=vocabulary_size, family="mamba2"
    )
    return Mamba2(
        Mamba2Config(
            vocab_size=vocabulary_size,
            hidden_size=shape.width,
            num_heads=heads(shape.width),
            head_dim=config.expand * shape.width // heads(shape.width),
            num_hidden_layers=config.layers,
            state_size=shape.inner,
            n_groups=config.groups,
            conv_kernel=config.convolution,
            expand=config.expand,
            tie_word_embeddings=True,
            pad_token_id=None,
            bos_token_id=None,
            eos_token_id=None,
            use_cache=False,
        )
    )
