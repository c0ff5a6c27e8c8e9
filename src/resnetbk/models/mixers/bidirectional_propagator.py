"""The whole resolvent as an operator on values, x = (H - z)^{-1} u: for encoders, every position sees all others.

Two sweeps with the same weights, `propagator` from the left (l) and from the right (r), meet at every position:

    x_t = G_t (u_t + w l_{t-1} + w r_{t+1})        G_t of `bidirectional_diagonal`
    y_t = m_0 Re x_t + m_1 Im x_t                  m per channel

Potential, hopping, eta, energies and their B and C are those of `propagator`.

B batch, N length, E width, H heads, P channels of a head, K energies, J = H K.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from resnetbk.models.resnet_bk.edge import EdgeMixer
from resnetbk.models.resnet_bk.potential import Readout
from resnetbk.models.resnet_bk.two_sided import two_sided_solve
from resnetbk.params.models import ResNetBK


class Mixer(EdgeMixer):
    causal = False

    def __init__(self, width: int, config: ResNetBK):
        super().__init__(width, config)
        self.m = nn.Parameter(0.5 + 0.5 * torch.randn(2, width))
        self.m._no_weight_decay = True
        self.readout = Readout(width, config.energies) if config.energies > 1 else None

    def forward(self, u_BNE: Tensor) -> Tensor:
        v_BNHP = u_BNE.unflatten(-1, (self.heads, -1))
        if self.readout is None:
            x_BNHP = two_sided_solve(v_BNHP, *self.hamiltonian(u_BNE))
        else:
            b_BNK, c_BNK = self.readout(u_BNE)
            x_BNJP = two_sided_solve(self.readout.write(v_BNHP, b_BNK), *self.hamiltonian(u_BNE))
            x_BNHP = [self.readout.read(x, c_BNK) for x in x_BNJP]
        x_re_BNE, x_im_BNE = (x.flatten(2) for x in x_BNHP)
        return torch.addcmul(x_re_BNE * self.m[0], x_im_BNE, self.m[1])
