"""The control for `phase` and `scattering`: the same memory with a plain data-dependent angle and no resolvent.

    alpha_t = e^(-kappa_t) e^(i theta_t)                      see `TurningMixer`
    theta_t = 4 atan(v_t / 4),   v_t = W u_t + b              per head

Near 0 the angle is v itself; at v = -4 and 4 it is -pi and pi, and the slope is between 1/2 and 1 up to there,
so the whole circle is within reach. It takes no sine, whose bits depend on the machine: e^(i theta) is the
square of the Cayley map (1 + i v/4) / (1 - i v/4), made of + * / alone.

At the start b spreads the heads' angles as `phase` does. `config.eta` has no meaning here.

B batch, N length, E width, H heads, K energies, J = H K.
"""

from __future__ import annotations

import torch
from torch import Tensor

from resnetbk.models.resnet_bk.turning import TurningMixer


class Mixer(TurningMixer):
    def forward(self, u_BNE: Tensor) -> Tensor:
        return self.memory(u_BNE, self.gate(u_BNE, self._turn(u_BNE)))

    def initial_state(self, batch: int) -> tuple[Tensor, Tensor]:
        """Return (Re s, Im s) before the first token; see `Memory`."""
        return self.memory.initial_state(batch)

    def step(self, u_BNE: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        return self.memory.step(u_BNE, self.gate(u_BNE, self._turn(u_BNE)), state)

    def state_size(self) -> int:
        """Return the bytes of s per channel, complex, at each energy."""
        return self.memory.state_size()

    @staticmethod
    def first_choice(cosine_H: Tensor) -> Tensor:
        """Return 4 tan(theta / 4), by halving the angle twice."""
        half_H = torch.sqrt((1 - cosine_H) / (1 + cosine_H))  # tan(theta / 2)
        return 4 * half_H / (1 + torch.sqrt(1 + half_H * half_H))

    def _turn(self, u_BNE: Tensor) -> tuple[Tensor, Tensor]:
        """Return Re and Im of e^(i theta), [B, N, J]."""
        x_BNJ = self.choice(u_BNE) / 4
        square_BNJ = x_BNJ * x_BNJ
        re_BNJ, im_BNJ = (1 - square_BNJ) / (1 + square_BNJ), 2 * x_BNJ / (1 + square_BNJ)
        return re_BNJ * re_BNJ - im_BNJ * im_BNJ, 2 * re_BNJ * im_BNJ
