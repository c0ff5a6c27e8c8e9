"""The training loss: what the audits check is this function, not a copy of it.

B batch, L length, V vocabulary.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F


def next_token_loss(logits_BLV: torch.Tensor, labels_BL: torch.Tensor) -> torch.Tensor:
    """Return the mean cross entropy over all tokens of a batch, in nats per token.

    **Arguments:** `logits_BLV`: unnormalised log-probabilities, floating point; `labels_BL`: the token that
    follows each position, int64, in [0, V).
    **Returns:** a scalar of the logits' dtype, differentiable.
    """
    return F.cross_entropy(logits_BLV.flatten(0, 1), labels_BL.flatten())
