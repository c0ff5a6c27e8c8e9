"""Mamba with what ResNet-BK's block has around its mixer: a row of the comparison that parts the two.

Of ResNet-BK it takes the RMSNorm on the scan's output, a learned bias on B and on C that starts at 1 (so that
before anything is learned the output is a sum of the states), and the initial weights of the readout: the output
projections and the tied embedding. The scan, its step sizes, decay rates and their initialisation are Mamba's.

B batch, N length, E inner width, S state.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import MambaConfig

from resnetbk.kernels.convolution import causal_convolution_silu, causal_convolution_silu_from_state
from resnetbk.kernels.norm import gated_rms_norm
from resnetbk.kernels.selective import selective_scan, selective_scan_from_state
from resnetbk.models.language_model import State, exempt_from_weight_decay
from resnetbk.models.mamba import Mamba, ScanMixer
from resnetbk.models.resnet_bk.block import EPSILON
from resnetbk.models.resnet_bk.weights import EMBEDDING_STD, matrix, residual_scale

# Lets everything through: SiLU(32) is 32 to the bit in float32, and division by a power of two is exact.
OPEN = 32.0


class NormedMixer(ScanMixer):
    """Mamba's mixer with y = (gain * norm(C h) + D u) * SiLU(gate) in place of (C h + D u) * SiLU(gate)."""

    def add_norm(self, layers: int) -> None:
        """Make the added parameters, and draw the output projection anew, for a model of so many layers."""
        self.norm_gain = nn.Parameter(torch.ones(self.intermediate_size))
        self.b_bias = nn.Parameter(torch.ones(self.ssm_state_size))
        self.c_bias = nn.Parameter(torch.ones(self.ssm_state_size))
        self.out_proj.weight = matrix(self.hidden_size, self.intermediate_size, residual_scale(layers))

    def forward(self, hidden_states: Tensor, cache_params=None, attention_mask=None, **options) -> Tensor:
        assert cache_params is None and attention_mask is None, "whole, unpadded sequences only"
        x_BNE, gate_BNE = self._inputs(hidden_states)
        u_BNE = causal_convolution_silu(x_BNE, self.conv1d.weight.squeeze(1), self.conv1d.bias)
        return self._output(selective_scan(*self._scanned(u_BNE)), u_BNE, gate_BNE)

    def step(self, hidden_states: Tensor, state: State) -> tuple[Tensor, State]:
        past_BTE, h_BES = state
        x_BNE, gate_BNE = self._inputs(hidden_states)
        u_BNE, (past_BTE,) = causal_convolution_silu_from_state(
            x_BNE, self.conv1d.weight.squeeze(1), self.conv1d.bias, (past_BTE,)
        )
        y_BNE, (h_BES,) = selective_scan_from_state(*self._scanned(u_BNE), (h_BES,))
        return self._output(y_BNE, u_BNE, gate_BNE), (past_BTE, h_BES)

    def _scanned(self, u_BNE: Tensor) -> tuple[Tensor, ...]:
        """Return the scan's arguments, with no skip and an open gate: both come after the norm."""
        u_BNE, dt_BNE, rate_ES, b_BNS, c_BNS, skip_E = super()._scanned(u_BNE)
        none_E, open_BNE = torch.zeros_like(skip_E), torch.full_like(u_BNE, OPEN)
        return u_BNE, dt_BNE, rate_ES, b_BNS + self.b_bias, c_BNS + self.c_bias, none_E, open_BNE

    def _output(self, y_BNE: Tensor, u_BNE: Tensor, gate_BNE: Tensor) -> Tensor:
        return self.out_proj(gated_rms_norm(y_BNE / OPEN, u_BNE, gate_BNE, self.norm_gain, self.D, EPSILON))


class NormedMamba(Mamba):
    """Mamba with the norm, biases and readout of `NormedMixer`; its state dict has their names besides."""

    def __init__(self, config: MambaConfig):
        super().__init__(config)
        self.adopt_mixers(NormedMixer)
        for block in self.backbone.layers:
            block.mixer.add_norm(config.num_hidden_layers)
        nn.init.normal_(self.backbone.embeddings.weight, std=EMBEDDING_STD)
        exempt_from_weight_decay(self)
