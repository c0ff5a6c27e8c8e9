"""The causal resolvent of each head at its first energy: what a router that scatters is told.

B batch, N length, H heads, K energies, J = H K.
"""

from __future__ import annotations

from torch import Tensor

from resnetbk.kernels.moebius import moebius_scan, moebius_scan_from_state

ETA_FLOOR = 1e-4  # of every resolvent: |g| stays below 1e4, whatever is learned


def first_resolvent(
    a_BNJ: Tensor,
    w2_J: Tensor,
    energy_J: Tensor,
    eta_J: Tensor,
    energies: int,
    state: tuple[Tensor, ...] | None,
) -> tuple[Tensor, Tensor]:
    """Return Re g and Im g, [B, N, H].

    **Arguments:** the first four: those of `moebius_scan`, energy k of head h at h K + k; `energies`: K; `state`:
    of a mixer, Re g_BJ and Im g_BJ of the token before first (then without a gradient); None at a start.
    """
    a_BNH, w2_H, energy_H, eta_H = (x[..., ::energies] for x in (a_BNJ, w2_J, energy_J, eta_J))
    if state is None:
        return moebius_scan(a_BNH, w2_H, energy_H, eta_H)
    g_re_BH, g_im_BH = (g_BJ[:, ::energies] for g_BJ in state[:2])
    g_re_BNH, g_im_BNH, _ = moebius_scan_from_state(a_BNH, w2_H, energy_H, eta_H, (g_re_BH, g_im_BH))
    return g_re_BNH, g_im_BNH
