"""A feed-forward layer of experts: each token goes to the k that its router likes best.

A token's output does not move by a bit when other sequences, or later tokens of its own, change: products are
laid out by `places`, and what an expert has room for is a matter of the sequence's past (`capacity.admit`).

B batch, N length, D model width, T = B N tokens, X experts, k choices of a token, R rows of an expert's input,
H heads.
Sources: Fedus, Zoph and Shazeer, "Switch Transformers", JMLR 23 (2022), equations 1, 2 and 4; Zoph et al.,
"ST-MoE" (2022), equation 5.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnetbk.models.resnet_bk.capacity import Capacity, Taken
from resnetbk.models.resnet_bk.feed_forward import SwiGLU
from resnetbk.models.resnet_bk.feed_forward_block import Scattering
from resnetbk.models.resnet_bk.scattering_router import ScatteringRouter
from resnetbk.models.resnet_bk.weights import matrix

TILE = 12  # rows that OpenBLAS's Haswell kernel takes at a time; `places` says why it matters
TAIL = 32  # elements, two vectors: torch computes the last ones of a tensor, if fewer, by other instructions


class Routing(NamedTuple):
    """What the last `forward` did with its tokens, without gradient, for logs and tests."""

    usage_X: Tensor  # share of all choices that fell on each expert, before any was dropped
    entropy: Tensor  # of the usage, in nats; log X when even
    dropped: Tensor  # share of all choices for which the expert had no room
    load_balance: Tensor  # the two losses, without their weights
    z: Tensor


class MixtureOfExperts(nn.Module):
    """y = sum over the k chosen experts x of p_x SwiGLU_x(token), with p the softmax of the router's logits.

    The probabilities are not normalised again over the chosen: at k = 1 that would make the factor 1 and
    leave the router without a gradient.

    After `forward`, `balance_loss` is what it adds to the training loss, a scalar with a gradient,

        load_balance X sum_x f_x mean_t(p_tx) + z_loss mean_t(logsumexp_x(logits_tx)^2)

    with f_x the share of choices that fell on x, and `routing` holds what a log wants to know.

    **Arguments:**
    - `width`: D. `hidden`: hidden width of an expert. `experts`: X. `top_k`: k. `scale`: factor on the initial
      output projections.
    - `router`: `linear`, logits W x; or `scattering`, which adds the `ScatteringRouter`'s.
    - `heads`: H, one resolvent each; only `scattering` reads it.
    - `load_balance`, `z_loss`: weights of the two losses.
    - `capacity_factor`: see `Capacity`; None drops nothing, and then decoding needs no state.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        *,
        experts: int,
        top_k: int,
        router: Literal["linear", "scattering"],
        heads: int,
        load_balance: float,
        z_loss: float,
        capacity_factor: float | None,
        scale: float,
    ):
        super().__init__()
        self.router = matrix(experts, width)
        self.scattering_router = ScatteringRouter(heads, experts) if router == "scattering" else None
        self.experts = nn.ModuleList(SwiGLU(width, hidden, scale) for _ in range(experts))
        self.capacity = None if capacity_factor is None else Capacity(capacity_factor, experts, top_k)
        self.top_k = top_k
        self.spare_rows = -(-TAIL // hidden)
        self.load_balance = load_balance
        self.z_loss = z_loss
        self.balance_loss = torch.zeros(())
        self.routing: Routing | None = None

    def forward(self, x_BND: Tensor, scattering: Scattering | None = None) -> Tensor:
        """Map [B, N, D] to [B, N, D]; sets `balance_loss` and `routing`.

        **Arguments:** `scattering`: Re g and Im g of the resolvents at each token, [B, N, H] each, with their
        gradient; only the scattering router reads it.
        """
        logits_BNX = self.logits(x_BND, scattering)
        probability_BNX, weight_BNk, choice_BNk = self._choose(logits_BNX)
        kept_BNk, _ = self._admit(choice_BNk, self.initial_state(len(x_BND)))
        self._observe(logits_BNX, probability_BNX, choice_BNk, kept_BNk)
        return self._mix(x_BND, weight_BNk, choice_BNk, kept_BNk)

    def initial_state(self, batch: int) -> Taken | tuple[()]:
        """Return the state before the first token: int64 counts if there is a capacity, else nothing."""
        return () if self.capacity is None else self.capacity.initial_state(batch, self.router.device)

    @torch.no_grad()
    def step(
        self, x_BLD: Tensor, state: Taken | tuple[()], scattering: Scattering | None = None
    ) -> tuple[Tensor, Taken | tuple[()]]:
        """Map the next L >= 1 tokens of each sequence as `forward` would, and return the state after them."""
        _, weight_BLk, choice_BLk = self._choose(self.logits(x_BLD, scattering))
        kept_BLk, state = self._admit(choice_BLk, state)
        return self._mix(x_BLD, weight_BLk, choice_BLk, kept_BLk), state

    def state_size(self) -> int:
        """Return the bytes of the state of one sequence."""
        return sum(part.numel() * part.element_size() for part in self.initial_state(1))

    def statistics(self, x_BND: Tensor) -> dict[str, Tensor]:
        """Return what the last `forward` told of its routing, whatever its input was; see `Routing`."""
        usage = {f"experts/usage_{index}": share for index, share in enumerate(self.routing.usage_X)}
        return {**usage, "experts/entropy": self.routing.entropy, "experts/dropped": self.routing.dropped}

    def logits(self, x_BND: Tensor, scattering: Scattering | None = None) -> Tensor:
        """Return the router's logits, [B, N, X]."""
        logits_BNX = F.linear(x_BND, self.router)
        if self.scattering_router is None:
            return logits_BNX
        assert scattering is not None, "the scattering router was given no resolvent"
        return logits_BNX + self.scattering_router(scattering)

    def _choose(self, logits_BNX: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return all probabilities, and those and the indices of each token's k experts."""
        probability_BNX = logits_BNX.softmax(-1)
        return probability_BNX, *probability_BNX.topk(self.top_k, dim=-1)

    def _admit(self, choice_BNk: Tensor, state: Taken | tuple[()]) -> tuple[Tensor, Taken | tuple[()]]:
        """Return which choices find room, and the state after them."""
        if self.capacity is None:
            return torch.ones_like(choice_BNk, dtype=torch.bool), state
        return self.capacity.admit(choice_BNk, state)

    def _mix(self, x_BND: Tensor, weight_BNk: Tensor, choice_BNk: Tensor, kept_BNk: Tensor) -> Tensor:
        """Sum the outputs of the experts that take each token."""
        x_TD, weight_Tk, choice_Tk, kept_Tk = (x.flatten(0, 1) for x in (x_BND, weight_BNk, choice_BNk, kept_BNk))
        y_TD = torch.zeros_like(x_TD)
        for index, expert in enumerate(self.experts):
            token, slot = torch.nonzero((choice_Tk == index) & kept_Tk, as_tuple=True)
            if not len(token):
                continue
            place = places(token)
            rows = TILE * ((int(place.max()) + self.spare_rows) // TILE + 1)
            input_RD = x_TD.new_zeros(rows, x_TD.shape[1]).index_copy(0, place, x_TD[token])
            y_TD = y_TD.index_add(0, token, expert(input_RD)[place] * weight_Tk[token, slot, None])
        return y_TD.view(x_BND.shape)

    def _observe(self, logits_BNX: Tensor, probability_BNX: Tensor, choice_BNk: Tensor, kept_BNk: Tensor) -> None:
        """Set `balance_loss` and `routing`."""
        experts = len(self.experts)
        usage_X = torch.bincount(choice_BNk.flatten(), minlength=experts) / choice_BNk.numel()
        load_balance = experts * (usage_X * probability_BNX.flatten(0, 1).mean(0)).sum()
        # Written out, because `portable` arithmetic covers exp and log and not torch.logsumexp.
        largest_BN1 = logits_BNX.detach().amax(-1, keepdim=True)
        log_sum_BN1 = (logits_BNX - largest_BN1).exp().sum(-1, keepdim=True).log() + largest_BN1
        z = log_sum_BN1.square().mean()
        self.balance_loss = self.load_balance * load_balance + self.z_loss * z
        entropy = -(usage_X * usage_X.clamp_min(torch.finfo(usage_X.dtype).tiny).log()).sum()
        dropped = 1 - kept_BNk.float().mean()
        self.routing = Routing(usage_X, entropy, dropped, load_balance.detach(), z.detach())


def places(token: Tensor) -> Tensor:
    """Choose the rows of an expert's input for its tokens, so that none feels which others are there.

    A product of matrices rounds a row by where in a tile of rows it stands. So each token keeps its index in
    the batch modulo the tile, whoever shares its expert, and rows that nobody takes stay zero. The last of them
    always are, for there SiLU may round otherwise.

    **Arguments:** `token`: indices in the batch of the tokens that chose the expert, ascending.
    **Returns:** a row for each, all different, equal to `token` modulo `TILE`.
    """
    phase = token % TILE
    earlier = F.one_hot(phase, TILE).cumsum(0).gather(1, phase[:, None])[:, 0] - 1
    return earlier * TILE + phase
