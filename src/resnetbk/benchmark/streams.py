"""Long sequences read chunk by chunk and tokens written one by one, with nothing kept but the state.

B batch (one), L length, V vocabulary.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from resnetbk.benchmark.paired import Spread, interleaved, spread
from resnetbk.models.language_model import LanguageModel, state_bytes


def keeps_its_state_small(model: LanguageModel) -> bool:
    """Return whether a model's state stays as it is, however much it has read."""
    return model.state_size(1) == model.state_size(1 << 20)


def stream(model: LanguageModel, length: int, chunk: int, vocabulary_size: int) -> tuple[float, int]:
    """Read one sequence through `model.step`, a chunk at a time.

    **Arguments:** `length`, `chunk`: tokens of the sequence and of a chunk.
    **Returns:** the seconds that the steps took, and the bytes of the state that is left.
    """
    draw = torch.Generator().manual_seed(0)
    state = model.initial_state(1)
    seconds = 0.0
    for first in range(0, length, chunk):
        tokens_BL = torch.randint(vocabulary_size, (1, min(chunk, length - first)), generator=draw)
        start = time.perf_counter()
        _, state = model.step(tokens_BL, state)
        seconds += time.perf_counter() - start
    return seconds, state_bytes(state)


def stream_lengths(
    model: LanguageModel, lengths: Sequence[int], chunk: int, vocabulary_size: int, tokens: int
) -> tuple[dict[int, Spread], dict[int, int]]:
    """Read sequences of each length, as often as `tokens` tokens allow: once to five times.

    **Returns:** by length the seconds of a whole sequence, and the bytes of the state at its end.
    """
    stream(model, chunk, chunk, vocabulary_size)  # loads the kernels
    seconds, held = {}, {}
    for length in lengths:
        runs = [stream(model, length, chunk, vocabulary_size) for _ in range(max(1, min(5, tokens // length)))]
        seconds[length] = spread([taken for taken, _ in runs])
        held[length] = runs[-1][1]
    return seconds, held


def slope(seconds_by_length: Mapping[int, float]) -> float:
    """Return the slope of log-time against log-length by least squares: 1 where the time per token is flat."""
    logs = [(math.log(length), math.log(seconds)) for length, seconds in seconds_by_length.items()]
    return float(np.polyfit(*zip(*logs, strict=True), 1)[0])


def decode(model: LanguageModel, tokens: int) -> Tensor:
    """Write so many tokens after token 0, each the likeliest by the one before; return them [1, L]."""
    token_BL = torch.zeros(1, 1, dtype=torch.int64)
    state = model.initial_state(1)
    written = []
    for _ in range(tokens):
        logits_BLV, state = model.step(token_BL, state)
        token_BL = logits_BLV.argmax(-1)
        written.append(token_BL)
    return torch.cat(written, 1)


def decoding_speeds(models: Mapping[str, LanguageModel], tokens: int, rounds: int) -> dict[str, Spread]:
    """Return the tokens a second that each model decodes, the models by turns."""
    for model in models.values():
        decode(model, 2)
    works = [lambda model=model: decode(model, tokens) for model in models.values()]
    taken = interleaved(works, rounds)
    return {
        name: spread([tokens / seconds for seconds in times]) for name, times in zip(models, taken, strict=True)
    }
