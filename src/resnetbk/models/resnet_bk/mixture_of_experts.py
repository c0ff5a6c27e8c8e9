"""A feed-forward layer of experts: each token goes to the k that its router likes best, and none is dropped.

T tokens of a batch, D model width, X experts, R rows of an expert's input.
Source: Fedus, Zoph and Shazeer, "Switch Transformers", JMLR 23 (2022), equations 1, 2 and 4.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnetbk.models.resnet_bk.feed_forward import SwiGLU
from resnetbk.models.resnet_bk.weights import matrix

TILE = 12  # rows that OpenBLAS's Haswell kernel takes at a time; `places` says why it matters


class MixtureOfExperts(nn.Module):
    """y = sum over the k chosen experts x of p_x SwiGLU_x(token), with p the softmax over all experts.

    The probabilities are not normalised again over the chosen: at k = 1 that would make the factor 1 and
    leave the router without a gradient.

    A token's output does not move by a bit when other tokens change: see `places`.

    **Arguments:** `width`: D. `hidden`: hidden width of an expert. `experts`: X. `top_k`: k.
    `load_balance`: weight of the load-balance loss. `scale`: factor on the initial output projections.
    """

    def __init__(self, width: int, hidden: int, *, experts: int, top_k: int, load_balance: float, scale: float):
        super().__init__()
        self.router = matrix(experts, width)
        self.experts = nn.ModuleList(SwiGLU(width, hidden, scale) for _ in range(experts))
        self.top_k = top_k
        self.load_balance = load_balance
        self.balance_loss = torch.zeros(())

    def forward(self, x: Tensor) -> Tensor:
        """Map [..., D] to [..., D]; sets `balance_loss` (a scalar) and `usage` (share of tokens, [X])."""
        x_TD = x.reshape(-1, x.shape[-1])
        probability_TX = F.linear(x_TD, self.router).softmax(-1)
        weight_Tk, choice_Tk = probability_TX.topk(self.top_k, dim=-1)
        self.usage = torch.bincount(choice_Tk.flatten(), minlength=len(self.experts)) / choice_Tk.numel()
        self.balance_loss = self.load_balance * len(self.experts) * (self.usage * probability_TX.mean(0)).sum()
        y_TD = torch.zeros_like(x_TD)
        for index, expert in enumerate(self.experts):
            token, slot = torch.nonzero(choice_Tk == index, as_tuple=True)
            if not len(token):
                continue
            place = places(token)
            rows = TILE * (int(place.max()) // TILE + 1)
            input_RD = x_TD.new_zeros(rows, x_TD.shape[1]).index_copy(0, place, x_TD[token])
            y_TD = y_TD.index_add(0, token, expert(input_RD)[place] * weight_Tk[token, slot, None])
        return y_TD.view(x.shape)


def places(token: Tensor) -> Tensor:
    """Choose the rows of an expert's input for its tokens, so that none feels which others are there.

    A product of matrices rounds a row by where in a tile of rows it stands. So each token keeps its index in
    the batch modulo the tile, whoever shares its expert, and rows that nobody takes stay zero.

    **Arguments:** `token`: indices in the batch of the tokens that chose the expert, ascending.
    **Returns:** a row for each, all different, equal to `token` modulo `TILE`.
    """
    phase = token % TILE
    earlier = F.one_hot(phase, TILE).cumsum(0).gather(1, phase[:, None])[:, 0] - 1
    return earlier * TILE + phase
