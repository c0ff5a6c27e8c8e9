"""Alignment: the label of a position is the token that follows it in the raw stream, also inside the loss.

B batch, L length, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from resnetbk.audit.check import Check

ORACLE_LOGIT = 50.0  # exp(-50) is nothing beside 1 in float32: a wrong label costs 50 nats, a right one 0
TOLERANCE = 1e-3


def check_alignment(
    split: Any,
    batch: Callable[..., tuple[torch.Tensor, torch.Tensor]],
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    *,
    vocabulary_size: int,
    batch_size: int,
    length: int,
    steps: Sequence[int],
    seed: int,
) -> Check:
    """Check labels against the raw token stream, through the real loader and the real loss.

    Each row of a batch is found in the stream. An oracle that puts all mass on the token that follows there
    must have no loss with the loader's labels, and with the same labels flattened time-major a loss of
    `ORACLE_LOGIT` times the share of labels that this displaces: the loss counts every token, once, in place.

    **Arguments:** `split`: has `tokens`, a 1-D array; `batch(split, step=, batch_size=, length=, seed=)`:
    gives tokens_BL and labels_BL, int64; `steps`: the numbers of the batches to check; `batch_size`: at
    least 2, or the two orders of labels are one.
    **Returns:** a `Check`; on failure `measured` holds the first step, row and position that is wrong.
    """
    assert batch_size >= 2
    stream = np.asarray(split.tokens)
    oracle_loss = displaced_error = 0.0
    for step in steps:
        tokens_BL, labels_BL = batch(split, step=step, batch_size=batch_size, length=length, seed=seed)
        if tokens_BL.shape != (batch_size, length) or labels_BL.shape != tokens_BL.shape:
            return Check(
                False,
                f"the loader gives tokens {tuple(tokens_BL.shape)} and labels {tuple(labels_BL.shape)}; "
                f"expected {(batch_size, length)} for both",
            )
        following = [
            _following(stream, tokens_L.numpy(), labels_L.numpy())
            for tokens_L, labels_L in zip(tokens_BL, labels_BL, strict=True)
        ]
        lost = [row for row, raw_L in enumerate(following) if raw_L is None]
        if lost:
            return Check(False, f"row {lost[0]} of step {step} is no window of the token stream")
        raw_BL = torch.from_numpy(np.stack(following))
        wrong_BL = labels_BL != raw_BL
        if wrong_BL.any():
            row, position = wrong_BL.nonzero()[0].tolist()
            return Check(
                False,
                f"the loader's label at step {step}, row {row}, position {position} is "
                f"{labels_BL[row, position].item()}; the next token is {raw_BL[row, position].item()} "
                f"({wrong_BL.double().mean().item():.1%} of the labels are wrong)",
                {"step": step, "row": row, "position": position, "wrong_labels": int(wrong_BL.sum())},
            )
        oracle_BLV = torch.zeros(batch_size, length, vocabulary_size)
        oracle_BLV.scatter_(2, raw_BL.unsqueeze(2), ORACLE_LOGIT)
        time_major_BL = labels_BL.T.reshape(batch_size, length)
        displaced = (time_major_BL != raw_BL).double().mean().item()
        oracle_loss = max(oracle_loss, abs(loss(oracle_BLV, labels_BL).item()))
        displaced_loss = loss(oracle_BLV, time_major_BL).item()
        displaced_error = max(displaced_error, abs(displaced_loss - ORACLE_LOGIT * displaced))
    measured = {"oracle_loss": oracle_loss, "time_major_error": displaced_error, "batches": len(steps)}
    if not oracle_loss <= TOLERANCE:
        return Check(
            False,
            f"an oracle that knows the next token has a loss of {oracle_loss:.3g} nats per token; "
            "expected 0: the loss pairs logits with the labels of other positions",
            measured,
        )
    if not displaced_error <= TOLERANCE:
        return Check(
            False,
            f"labels in time-major order give a loss that is off by {displaced_error:.3g} nats per token: "
            "the loss does not count every token once",
            measured,
        )
    return Check(True, "labels are the next tokens of the stream, in the loader and in the loss", measured)


def _following(stream: np.ndarray, tokens_L: np.ndarray, labels_L: np.ndarray) -> np.ndarray | None:
    """Return the L tokens that follow those of a window in the stream, int64; None if it is no window.

    A window that occurs more than once may be followed by the labels at any of its occurrences.
    """
    length = len(tokens_L)
    starts = np.flatnonzero(stream[: len(stream) - length] == tokens_L[0])
    for offset in range(1, length):
        if not len(starts):
            return None
        starts = starts[stream[starts + offset] == tokens_L[offset]]
    if not len(starts):
        return None
    following = np.stack([stream[start + 1 : start + 1 + length] for start in starts]).astype(np.int64)
    agreeing = (following == labels_L).sum(axis=1)
    return following[int(agreeing.argmax())]
