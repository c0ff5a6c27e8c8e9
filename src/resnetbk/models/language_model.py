"""What every model of a comparison offers, whatever its family.

B batch, L length, V vocabulary.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable

import torch
from torch import Tensor, nn


class LanguageModel(nn.Module):
    """Token ids in, next-token logits out.

    `causal` is what the model claims and the audit tests; `dimensions` holds what was sized to the budget.
    A parameter whose attribute `_no_weight_decay` is true takes no weight decay.
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
    def state_size(self, length: int) -> int:
        """Return the bytes kept for one sequence of `length` tokens to decode the next one."""

    def auxiliary_loss(self) -> Tensor:
        """Return what the last forward adds to the training loss: a scalar, 0 without a router to balance."""
        return torch.zeros(())


def exempt_from_weight_decay(model: nn.Module, suffixes: Iterable[str] = ()) -> None:
    """Set `_no_weight_decay` on parameters of at most one dimension and on those whose names end so."""
    suffixes = tuple(suffixes)
    for name, parameter in model.named_parameters():
        if parameter.ndim <= 1 or name.endswith(suffixes):
            parameter._no_weight_decay = True
