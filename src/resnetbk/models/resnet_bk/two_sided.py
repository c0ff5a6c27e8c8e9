"""The two-sided resolvent from two one-sided sweeps: its diagonal, and its product with values.

H is tridiagonal with diagonal a and -w beside it, z = E + i eta. Let l and r be the causal resolvents of the
sequence and of its mirror image (`moebius_scan`). Elimination of everything left of t adds -w^2 l_{t-1} to the
diagonal at t, and of everything right of it -w^2 r_{t+1}:

    G_t = 1 / (a_t - z - w^2 (l_{t-1} + r_{t+1}))                      entry (t, t) of (H - z)^{-1}
    x_t = G_t (v_t + w p_{t-1} + w q_{t+1})                            (H - z) x = v

with p and q the values propagated from the left and from the right (`propagator`).

B batch, N length, H heads, P channels of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor

from resnetbk.kernels.moebius import moebius_scan
from resnetbk.kernels.propagator import propagator


def two_sided_diagonal(a_BNH: Tensor, w_H: Tensor, energy_H: Tensor, eta_H: Tensor) -> tuple[Tensor, Tensor]:
    """Return the diagonal of (H - z)^{-1}.

    **Arguments:** `a_BNH`: potentials; `w_H`: hopping; `energy_H`, `eta_H`: z = E + i eta, eta > 0.
    **Returns:** Re G and Im G, [B, N, H].
    """
    w2_H = w_H * w_H
    left = moebius_scan(a_BNH, w2_H, energy_H, eta_H)
    right = moebius_scan(a_BNH.flip(1), w2_H, energy_H, eta_H)
    re_BNH, im_BNH = (w2_H * around for around in _neighbours(left, right))
    re_BNH, im_BNH = a_BNH - energy_H - re_BNH, -eta_H - im_BNH
    size_BNH = re_BNH * re_BNH + im_BNH * im_BNH  # at least eta^2: both Im l and Im r are positive
    return re_BNH / size_BNH, -im_BNH / size_BNH


def two_sided_solve(
    v_BNHP: Tensor, a_BNH: Tensor, w_H: Tensor, energy_H: Tensor, eta_H: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the solution x of (H - z) x = v, channel by channel.

    **Arguments:** `v_BNHP`: values; the rest: see `two_sided_diagonal`.
    **Returns:** Re x and Im x, [B, N, H, P].
    """
    left = propagator(v_BNHP, a_BNH, w_H, energy_H, eta_H)
    right = propagator(v_BNHP.flip(1), a_BNH.flip(1), w_H, energy_H, eta_H)
    re_BNHP, im_BNHP = (w_H[:, None] * around for around in _neighbours(left, right))
    re_BNHP = v_BNHP + re_BNHP
    g_re_BNH1, g_im_BNH1 = (g[..., None] for g in two_sided_diagonal(a_BNH, w_H, energy_H, eta_H))
    return g_re_BNH1 * re_BNHP - g_im_BNH1 * im_BNHP, g_re_BNH1 * im_BNHP + g_im_BNH1 * re_BNHP


def _neighbours(left: tuple[Tensor, ...], right: tuple[Tensor, ...]) -> list[Tensor]:
    """Add what stands left of each position to what stands right of it; `right` runs backwards."""
    return [
        torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1)
        + torch.cat([y.flip(1)[:, 1:], torch.zeros_like(y[:, :1])], 1)
        for x, y in zip(left, right, strict=True)
    ]
