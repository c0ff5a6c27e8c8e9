"""Sequences of any length read a chunk at a time: nothing is kept of what was read but the state.

Tokens stand as they are packed, document after document; as everywhere, the `EOS` that opens a document is read
and not scored.

B rows, L length of a chunk, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from resnetbk.data.corpus import Split
from resnetbk.models.language_model import LanguageModel, State
from resnetbk.training.live_memory import LiveMemory


class Chunk(NamedTuple):
    """What a chunk gave.

    `first` is where it begins in its sequence; `nats_BL` its losses (float64), of which `scored_BL` says which
    count; `state` what is left; `peak_bytes` the most that tensors held meanwhile, weights and state with them,
    None where that was not watched.
    """

    first: int
    nats_BL: np.ndarray
    scored_BL: np.ndarray
    non_finite_logits: int
    state: State
    peak_bytes: int | None


@torch.inference_mode()
def read(
    model: LanguageModel,
    split: Split,
    starts: range,
    *,
    length: int,
    chunk: int,
    watched: Collection[int] = (),
) -> Iterator[Chunk]:
    """Yield the losses of sequences of `length` tokens of a split, side by side, chunk by chunk.

    **Arguments:** `starts`: where they begin; `chunk`: tokens of each read at a time; `watched`: the numbers of
    the chunks whose memory is counted.
    """
    document_starts = np.asarray(split.documents[:, 0])
    mode = model.training
    model.eval()
    state = model.initial_state(len(starts))
    for number, first in enumerate(range(0, length, chunk)):
        count = min(chunk, length - first)
        rows = np.stack([split.tokens[start + first : start + first + count + 1] for start in starts])
        rows_BL = torch.from_numpy(rows.astype(np.int64))
        present = [rows_BL, *model.parameters(), *model.buffers(), *tensors(state)]
        with LiveMemory(present) if number in watched else nullcontext() as live:
            nats_BL, non_finite, state = _score(model, rows_BL, state)
        places_BL = np.array(starts)[:, None] + first + 1 + np.arange(count)
        scored_BL = ~np.isin(places_BL, document_starts)
        yield Chunk(first, nats_BL, scored_BL, non_finite, state, live.peak if live else None)
    model.train(mode)


def _score(model: LanguageModel, rows_BL: Tensor, state: State) -> tuple[np.ndarray, int, State]:
    """Return the losses of the tokens after the first, the logits that are not finite, and the state after."""
    logits_BLV, state = model.step(rows_BL[:, :-1], state)
    nats_BL = F.cross_entropy(logits_BLV.transpose(1, 2), rows_BL[:, 1:], reduction="none")
    non_finite = logits_BLV.numel() - int(torch.count_nonzero(torch.isfinite(logits_BLV)))
    return nats_BL.numpy().astype(np.float64), non_finite, state


def tensors(state: State) -> list[Tensor]:
    """Return the tensors of a state."""
    return [state] if isinstance(state, Tensor) else [tensor for part in state for tensor in tensors(part)]
