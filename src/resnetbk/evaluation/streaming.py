"""Loss far beyond the training length: windows of growing length, and one stream, in constant memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from resnetbk.data.corpus import Split
from resnetbk.errors import UserError
from resnetbk.evaluation.chunks import read, tensors
from resnetbk.evaluation.positions import LossByPosition
from resnetbk.models.language_model import LanguageModel

OnTokens = Callable[[int], None]


def _unwatched(tokens: int) -> None:
    """Take no notice of the tokens that were read."""


class Limit(NamedTuple):
    """The longest sequence that a model is given, and why; both None where nothing limits it."""

    tokens: int | None
    reason: str | None


def longest_sequence(model: LanguageModel, growing_state_tokens: int) -> Limit:
    """Return how long a sequence a model can be given.

    A state of constant size sets no limit. One that grows is cut off at `growing_state_tokens`, or where the
    positions end that a family has learned.
    """
    if model.state_size(1) == model.state_size(1 << 20):
        return Limit(None, None)
    learned = model.dimensions.get("context")
    if learned is not None and learned <= growing_state_tokens:
        return Limit(learned, "it has learned no more positions")
    return Limit(growing_state_tokens, "its state grows with the length: context.growing_state_tokens")


def score_windows(
    model: LanguageModel,
    split: Split,
    *,
    length: int,
    tokens: int,
    chunk: int,
    batch_size: int,
    on_tokens: OnTokens = _unwatched,
) -> dict[str, Any]:
    """Score the first `tokens` tokens of a split in windows of `length`, each from the initial state.

    **Arguments:** `tokens`: a multiple of `length`, fewer than the split has; `chunk`: tokens of a window read at
    a time; `batch_size`: windows read side by side; `on_tokens`: told how many were just read.
    **Returns:** length, windows, tokens (those scored), loss (nats per token), non_finite_losses,
    non_finite_logits and loss_by_position (see `LossByPosition.rows`).
    """
    assert tokens % length == 0 and tokens < len(split), (tokens, length, len(split))
    starts = range(0, tokens, length)
    losses, logits = LossByPosition(), 0
    for row in range(0, len(starts), batch_size):
        for part in read(model, split, starts[row : row + batch_size], length=length, chunk=chunk):
            losses.add(part.first, part.nats_BL, part.scored_BL)
            logits += part.non_finite_logits
            on_tokens(part.nats_BL.size)
    return {"length": length, "windows": len(starts), **_scores(losses, logits)}


def score_stream(
    model: LanguageModel, split: Split, *, tokens: int, chunk: int, on_tokens: OnTokens = _unwatched
) -> dict[str, Any]:
    """Score the first `tokens` tokens of a split as one sequence, and count the memory that it takes.

    **Arguments:** `tokens`: at most, the split's own number less one; `chunk`: tokens read at a time; `on_tokens`:
    told how many were just read.
    **Returns:** length, first_non_finite (the position of the first loss that is not finite, None without),
    largest_state (the largest magnitude in the state at the end), memory (rows of position and peak_bytes: the
    most that tensors held during the chunk that begins there, weights with them, of the first two chunks, the
    middle one and the last whole one), and the scores that `score_windows` returns.
    """
    tokens = min(tokens, len(split) - 1)
    whole = tokens // chunk  # the last chunk may be shorter, and take less
    watched = {0, 1, whole // 2, whole - 1}
    losses, logits, memory = LossByPosition(), 0, []
    for part in read(model, split, range(1), length=tokens, chunk=chunk, watched=watched):
        losses.add(part.first, part.nats_BL, part.scored_BL)
        logits += part.non_finite_logits
        on_tokens(part.nats_BL.size)
        if part.peak_bytes is not None:
            memory.append({"position": part.first, "peak_bytes": part.peak_bytes})
    return {
        "length": tokens,
        "first_non_finite": losses.first_non_finite,
        "largest_state": max(float(tensor.abs().max()) for tensor in tensors(part.state)),
        "memory": memory,
        **_scores(losses, logits),
    }


def require_tokens(split: Split, tokens: int, reason: str) -> None:
    """Raise `UserError` when a split has no more than `tokens` tokens; `reason` says what asks for them."""
    if len(split) <= tokens:
        raise UserError(
            f"the {split.name} split holds {len(split):,} tokens, and {reason} takes more than {tokens:,}; lower "
            "it, or prepare more documents"
        )


def _scores(losses: LossByPosition, non_finite_logits: int) -> dict[str, Any]:
    return {
        "tokens": losses.tokens,
        "loss": losses.loss,
        "non_finite_losses": losses.non_finite,
        "non_finite_logits": non_finite_logits,
        "loss_by_position": losses.rows(),
    }
