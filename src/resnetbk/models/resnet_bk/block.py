"""The residual block around a token mixer, in the shape of Mamba's.

B batch, N length, D model width, E inner width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnetbk.errors import UserError
from resnetbk.kernels.convolution import causal_convolution_silu, causal_convolution_silu_from_state
from resnetbk.kernels.norm import gated_rms_norm
from resnetbk.models.language_model import State
from resnetbk.models.resnet_bk.weights import matrix

EPSILON = 1e-5  # under the root of the norms


class MixerBlock(nn.Module):
    """x + W_out((gain * norm(mixer(u)) + skip * u) * SiLU(W_gate h)), with u = SiLU(conv(W_u h)).

    h = RMSNorm(x); norm is RMSNorm without a gain; the convolution is causal and depthwise.

    **Arguments:** `mixer`: see `resnetbk.models.mixers`. `width`: D. `inner`: E. `kernel`: taps of the
    convolution. `scale`: factor on the initial W_out.
    """

    def __init__(self, mixer: nn.Module, *, width: int, inner: int, kernel: int, scale: float):
        super().__init__()
        self.norm = nn.RMSNorm(width, EPSILON)
        self.w_u = matrix(inner, width)
        self.w_gate = matrix(inner, width)
        self.conv_weight = nn.Parameter((2 * torch.rand(inner, kernel) - 1) * kernel**-0.5)
        self.conv_bias = nn.Parameter(torch.zeros(inner))
        self.mixer = mixer
        self.gain = nn.Parameter(torch.ones(inner))
        self.skip = nn.Parameter(torch.ones(inner))
        self.w_out = matrix(width, inner, scale)

    def forward(self, x_BND: Tensor) -> tuple[Tensor, Tensor]:
        """Return the block's output and the mixer's input, u_BNE."""
        h_BND = self.norm(x_BND)
        u_BNE = causal_convolution_silu(F.linear(h_BND, self.w_u), self.conv_weight, self.conv_bias)
        y_BNE = self.mixer(u_BNE)
        if y_BNE.shape != u_BNE.shape:
            raise UserError(
                f"{type(self.mixer).__module__}: Mixer.forward was given shape {tuple(u_BNE.shape)} (batch, "
                f"length, width) and returned {tuple(y_BNE.shape)}; expected the same shape"
            )
        return self._add(x_BND, h_BND, u_BNE, y_BNE), u_BNE

    def initial_state(self, batch: int) -> State:
        """Return the convolution's past inputs and the mixer's state before the first token."""
        inner, taps = self.conv_weight.shape
        return (self.conv_weight.new_zeros(batch, taps - 1, inner),), self.mixer.initial_state(batch)

    def step(self, x_BND: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Return what `forward` does for the next tokens, and the state after them."""
        past, mixer_state = state
        h_BND = self.norm(x_BND)
        u_BNE, past = causal_convolution_silu_from_state(
            F.linear(h_BND, self.w_u), self.conv_weight, self.conv_bias, past
        )
        y_BNE, mixer_state = self.mixer.step(u_BNE, mixer_state)
        return self._add(x_BND, h_BND, u_BNE, y_BNE), u_BNE, (past, mixer_state)

    def state_size(self) -> int:
        """Return the bytes of the mixer's state and of the convolution's past inputs, for one sequence."""
        past = self.conv_weight.numel() - len(self.conv_weight)
        return self.mixer.state_size() + past * self.conv_weight.element_size()

    def _add(self, x_BND: Tensor, h_BND: Tensor, u_BNE: Tensor, y_BNE: Tensor) -> Tensor:
        gate_BNE = F.linear(h_BND, self.w_gate)
        y_BNE = gated_rms_norm(y_BNE, u_BNE, gate_BNE, self.gain, self.skip, EPSILON)
        return x_BND + F.linear(y_BNE, self.w_out)
