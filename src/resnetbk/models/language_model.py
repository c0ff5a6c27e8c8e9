"""What every model of a comparison offers, whatever its family.

B batch, L length, V vocabulary.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from resnetbk.errors import UserError

State = Tensor | tuple["State", ...]


class LanguageModel(nn.Module):
    """Token ids in, next-token logits out.

    `causal` is what the model claims and the audit tests; `dimensions` holds what was sized to the budget.
    A parameter whose attribute `_no_weight_decay` is true takes no weight decay.

    A family writes `forward`, `initial_state`, `_step` and `state_size`.
    """

    causal: bool = True
    dimensions: dict[str, int]

    @abstractmethod
    def forward(self, tokens_BL: Tensor) -> Tensor:
        """Return the logits of the token that follows each position.

        **Arguments:** `tokens_BL`: int64 token ids.
        **Returns:** float32 logits [B, L, V].
        """

    @abstractmethod
    def initial_state(self, batch: int) -> State:
        """Return what `step` keeps of `batch` sequences that have not begun: tensors in nested tuples."""

    def step(self, tokens_BL: Tensor, state: State) -> tuple[Tensor, State]:
        """Go on with sequences from a state: consecutive calls give the logits of one `forward`, but for rounding.

        No gradient is recorded, and the given state is left as it was, so that it can be gone on from again.

        **Arguments:** `tokens_BL`: int64, the next L >= 1 tokens of each sequence; `state`: what
        `initial_state` or the last `step` returned, for the same B.
        **Returns:** float32 logits [B, L, V], and the state after these tokens.
        **Raises:** `UserError` for other shapes, or a model that is not causal.
        """
        name = type(self).__name__
        if not self.causal:
            raise UserError(f"{name}.step: the model reads in both directions and cannot go token by token")
        if tokens_BL.ndim != 2 or tokens_BL.shape[1] == 0:
            raise UserError(
                f"{name}.step: expected token ids of shape [batch, length >= 1]; found {tuple(tokens_BL.shape)}"
            )
        with torch.no_grad():
            return self._step(tokens_BL, state)

    @abstractmethod
    def _step(self, tokens_BL: Tensor, state: State) -> tuple[Tensor, State]:
        """Do what `step` promises; the arguments are checked and gradients are off."""

    @abstractmethod
    def state_size(self, length: int) -> int:
        """Return the bytes kept for one sequence of `length` tokens to decode the next one."""

    def auxiliary_loss(self) -> Tensor:
        """Return what the last forward adds to the training loss: a scalar, 0 without a router to balance."""
        return torch.zeros(())


def state_bytes(state: State) -> int:
    """Return the bytes of all tensors of a state."""
    if isinstance(state, Tensor):
        return state.numel() * state.element_size()
    return sum(state_bytes(part) for part in state)


def exempt_from_weight_decay(model: nn.Module, suffixes: Iterable[str] = ()) -> None:
    """Set `_no_weight_decay` on parameters of at most one dimension and on those whose names end so."""
    suffixes = tuple(suffixes)
    for name, parameter in model.named_parameters():
        if parameter.ndim <= 1 or name.endswith(suffixes):
            parameter._no_weight_decay = True
