"""The decay that the tokens ask for, and the energies at which a head's resolvent is taken.

B batch, N length, E inner width, H heads, K energies, P channels of a head.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnetbk.models.resnet_bk.weights import inverse_softplus, matrix

SMALLEST_DECAY, LARGEST_DECAY = 0.01, 0.5  # per token, at the start: horizons of 100 and 2 tokens
SMALLEST_DETUNING, LARGEST_DETUNING = 1e-4, 1.0  # decays of 0.01 and 1: a depth d decays as sqrt(d)


class Decay(nn.Module):
    """One decay per head and token: kappa = softplus(W_v u + b) exp(l_A) > 0.

    At the start softplus(b) is log-uniform in [0.01, 0.5] and l_A = 0.
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.w_v = matrix(heads, width)
        low, high = math.log(SMALLEST_DECAY), math.log(LARGEST_DECAY)
        self.bias = nn.Parameter(inverse_softplus(torch.exp(low + (high - low) * torch.rand(heads))))
        self.l_a = nn.Parameter(torch.zeros(heads))

    def forward(self, u_BNE: Tensor) -> Tensor:
        """Return kappa_BNH."""
        return F.softplus(F.linear(u_BNE, self.w_v, self.bias)) * torch.exp(self.l_a)


class Detuning(nn.Module):
    """K depths below the band's lower edge: energies -exp(l_E) for each head, learned.

    They start log-spaced from 1e-4 to 1, so that the slowest state outlives the fastest a hundred times.
    """

    def __init__(self, heads: int, energies: int):
        super().__init__()
        depths_K = torch.linspace(math.log(SMALLEST_DETUNING), math.log(LARGEST_DETUNING), energies)
        self.l_e = nn.Parameter(depths_K.repeat(heads))
        self.l_e._no_weight_decay = True

    def forward(self) -> Tensor:
        """Return the depths, positive, [H K]; energy k of head h stands at h K + k."""
        return torch.exp(self.l_e)


class Readout(nn.Module):
    """Input-dependent B and C, shared by the heads, that write to and read from a head's K states.

    v_hk = B_k u_h and y_h = sum_k C_k s_hk, with (B, C) = W u + 1 at the start.
    """

    def __init__(self, width: int, energies: int):
        super().__init__()
        self.w_bc = matrix(2 * energies, width)
        self.bias = nn.Parameter(torch.ones(2 * energies))

    def forward(self, u_BNE: Tensor) -> tuple[Tensor, Tensor]:
        """Return B_BNK and C_BNK."""
        return F.linear(u_BNE, self.w_bc, self.bias).chunk(2, dim=-1)

    @staticmethod
    def write(u_BNHP: Tensor, b_BNK: Tensor) -> Tensor:
        """Return v, [B, N, H K, P]."""
        return (u_BNHP[:, :, :, None] * b_BNK[:, :, None, :, None]).flatten(2, 3)

    @staticmethod
    def read(s_BNJP: Tensor, c_BNK: Tensor) -> Tensor:
        """Return y_BNHP from the states of J = H K heads."""
        return (s_BNJP.unflatten(2, (-1, c_BNK.shape[-1])) * c_BNK[:, :, None, :, None]).sum(3)
