"""The "hybrid analytic gradient" of the causal resolvent: an ablation, for it is not a derivative.

With g_t = 1 / (a_t - z - w^2 g_{t-1}) and a cotangent h (dL/d Re g + i dL/d Im g), it replaces dL/da by

    (1 - b) (-Re(conj(h) g^2)) + b (-Re(h / g^2))

position by position: the effect of a_t on later g is left out, and the second term lacks a conjugate. For z
and w^2 the derivative is cut to the same position. Off (b = 0) means the exact adjoint, elsewhere.

B batch, N length, H heads, P channels of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor

from resnetbk.kernels.moebius import moebius_scan


class _HybridScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a_BNH, w2_H, energy_H, eta_H, blend):
        g_re_BNH, g_im_BNH = moebius_scan(a_BNH, w2_H, energy_H, eta_H)
        ctx.save_for_backward(g_re_BNH, g_im_BNH)
        ctx.blend = blend
        return g_re_BNH, g_im_BNH

    @staticmethod
    def backward(ctx, h_re_BNH, h_im_BNH):
        g_BNH, h_BNH = torch.complex(*ctx.saved_tensors), torch.complex(h_re_BNH, h_im_BNH)
        g2_BNH = g_BNH * g_BNH
        local_BNH = h_BNH.conj() * g2_BNH
        a_BNH = (ctx.blend - 1) * local_BNH.real - ctx.blend * (h_BNH / g2_BNH).real
        w2_H = (local_BNH[:, 1:] * g_BNH[:, :-1]).real.sum((0, 1))
        return a_BNH, w2_H, local_BNH.real.sum((0, 1)), -local_BNH.imag.sum((0, 1)), None


def hybrid_moebius_scan(
    a_BNH: Tensor, w2_H: Tensor, energy_H: Tensor, eta_H: Tensor, blend: float
) -> tuple[Tensor, Tensor]:
    """Scan as `moebius_scan` does, with the hybrid in place of the gradient.

    **Arguments:** those of `moebius_scan`; `blend`: b in [0, 1].
    **Returns:** Re g and Im g, [B, N, H].
    """
    return _HybridScan.apply(a_BNH, w2_H, energy_H, eta_H, blend)


def hybrid_propagator(
    u_BNHP: Tensor, a_BNH: Tensor, w_H: Tensor, energy_H: Tensor, eta_H: Tensor, blend: float
) -> tuple[Tensor, Tensor]:
    """Propagate as `propagator` does, with the hybrid in place of the resolvent's gradient.

    A loop over positions in plain PyTorch: slow.

    **Arguments:** those of `propagator`; `blend`: b in [0, 1].
    **Returns:** Re s and Im s, [B, N, H, P].
    """
    g_BNH = torch.complex(*hybrid_moebius_scan(a_BNH, w_H * w_H, energy_H, eta_H, blend))
    state_BHP = torch.zeros_like(u_BNHP[:, 0]).to(g_BNH.dtype)
    states = []
    for g_BH, u_BHP in zip(g_BNH.unbind(1), u_BNHP.unbind(1), strict=True):
        state_BHP = g_BH[..., None] * (u_BHP + w_H[:, None] * state_BHP)
        states.append(state_BHP)
    s_BNHP = torch.stack(states, 1)
    return s_BNHP.real.contiguous(), s_BNHP.imag.contiguous()


def hybrid_cosine(
    a_BNH: Tensor,
    w2_H: Tensor,
    energy_H: Tensor,
    eta_H: Tensor,
    h_re_BNH: Tensor,
    h_im_BNH: Tensor,
    blend: float,
) -> float:
    """Compare the hybrid with the exact gradient with respect to the potential.

    **Arguments:** those of `hybrid_moebius_scan`; `h_re`, `h_im`: the cotangent of (Re g, Im g).
    **Returns:** the cosine of the angle between the two, in [-1, 1]; 1 would be the gradient's direction.
    """
    a_BNH = a_BNH.detach().requires_grad_()
    gradients = []
    for g_BNH in (
        moebius_scan(a_BNH, w2_H, energy_H, eta_H),
        hybrid_moebius_scan(a_BNH, w2_H, energy_H, eta_H, blend),
    ):
        gradients += torch.autograd.grad(g_BNH, a_BNH, (h_re_BNH, h_im_BNH))
    exact, hybrid = (gradient.flatten() for gradient in gradients)
    return torch.cosine_similarity(exact, hybrid, dim=0).item()
