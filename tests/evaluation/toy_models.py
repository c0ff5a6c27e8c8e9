"""Language models whose every answer is known beforehand."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from resnetbk.models.language_model import LanguageModel, State


class Fading(LanguageModel):
    """h_t = a h_{t-1} + e_t, logits W h_t: the gradient by distance is a geometric series.

    **Arguments:** `fade`: a; `forgets`: whether `step` loses the state, as no model should.
    """

    def __init__(self, vocabulary: int, width: int = 6, fade: float = 0.5, forgets: bool = False):
        super().__init__()
        draw = np.random.default_rng(0)
        self.embedding = nn.Embedding(vocabulary, width)
        self.embedding.weight = nn.Parameter(torch.from_numpy(draw.standard_normal((vocabulary, width))).float())
        self.head = nn.Parameter(torch.from_numpy(draw.standard_normal((vocabulary, width))).float())
        self.fade, self.forgets, self.dimensions = fade, forgets, {}

    def forward(self, tokens_BL: Tensor) -> Tensor:
        return self._step(tokens_BL, self.initial_state(len(tokens_BL)))[0]

    def initial_state(self, batch: int) -> State:
        return (torch.zeros(batch, self.head.shape[1]),)

    def _step(self, tokens_BL: Tensor, state: State) -> tuple[Tensor, State]:
        (h_BD,) = self.initial_state(len(tokens_BL)) if self.forgets else state
        logits = []
        for e_BD in self.embedding(tokens_BL).unbind(1):
            h_BD = self.fade * h_BD + e_BD
            logits.append(h_BD @ self.head.T)
        return torch.stack(logits, 1), (h_BD,)

    def state_size(self, length: int) -> int:
        return 4 * self.head.shape[1]
