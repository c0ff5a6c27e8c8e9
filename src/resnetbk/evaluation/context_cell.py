"""One cell of the long-context battery: a trained model, asked beyond the length it was trained at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from resnetbk.data.corpus import Split
from resnetbk.data.progress import Advance, progress
from resnetbk.evaluation.cell import TrainedCell, open_cell, verified
from resnetbk.evaluation.first_documents import first_documents
from resnetbk.evaluation.held_out import held_out_loss
from resnetbk.evaluation.out_of_domain import files_of, open_out_of_domain
from resnetbk.evaluation.receptive_field import receptive_field
from resnetbk.evaluation.spikes import gradient_spikes
from resnetbk.evaluation.streaming import Limit, longest_sequence, require_tokens, score_stream, score_windows
from resnetbk.models.language_model import LanguageModel
from resnetbk.params import Params
from resnetbk.params.context import Context
from resnetbk.params.evaluation import Evaluate
from resnetbk.repro.files import sha256_file
from resnetbk.repro.rounding import rounded


def context_cell(params: Params, name: str, seed: int, *, root: Path) -> dict[str, Any]:
    """Measure model `name` trained with `seed` at 1x to 64x its training length, on streams, and how far it sees.

    **Arguments:** `root`: the repository's root.
    **Returns:** model, seed, data, weights, parameters, training_length, state_size (bytes, after the training
    length and after the stream), limit (of `longest_sequence`), windows (of `score_windows`, with their multiple
    of the training length), lengths_beyond_limit, stream (of `score_stream`, the test split), out_of_domain (by
    corpus data, held_out, of `held_out_loss`, and stream), receptive_field and gradient_spikes.
    **Raises:** `UserError` as `open_cell`, and when a split is too short for what is asked.
    """
    config = params.context
    cell = open_cell(params, name, seed, root=root)
    length, test = cell.manifest["train"]["length"], cell.corpus.split("test")
    limit = longest_sequence(cell.model, config.growing_state_tokens)
    elsewhere = root / "data/out_of_domain"
    texts = open_out_of_domain(elsewhere, cell.corpus, config.out_of_domain)
    with progress(f"context {name}-{seed}", "tokens") as advance:
        windows, beyond = _windows(cell.model, test, config, limit, length, advance)
        stream = _stream(cell.model, test, config, limit, advance)
        others = {
            other: {
                "data": sha256_file(files_of(elsewhere, other)["tokens"]),
                "held_out": _held_out(cell.model, text, config, params.evaluate),
                "stream": _stream(cell.model, text, config, limit, advance),
            }
            for other, text in texts.items()
        }
    return rounded(
        {
            **cell.described(),
            "training_length": length,
            "state_size": {str(tokens): cell.model.state_size(tokens) for tokens in (length, stream["length"])},
            "limit": limit._asdict(),
            "windows": windows,
            "lengths_beyond_limit": beyond,
            "stream": stream,
            "out_of_domain": others,
            "receptive_field": _field(cell.model, test, config, limit),
            "gradient_spikes": _spikes(cell, config, root),
        }
    )


def _windows(
    model: LanguageModel, split: Split, config: Context, limit: Limit, length: int, advance: Advance
) -> tuple[list[dict[str, Any]], list[int]]:
    """Score every length on the same tokens; return the rows, and the lengths beyond the model's limit."""
    lengths = {multiple: multiple * length for multiple in config.multiples}
    longest = lengths[config.multiples[-1]]
    require_tokens(split, longest, f"context.multiples up to {config.multiples[-1]} x {length}")
    tokens = max(longest, min(config.window_tokens, len(split) - 1) // longest * longest)
    rows, beyond = [], []
    for multiple, size in lengths.items():
        if limit.tokens is not None and size > limit.tokens:
            beyond.append(size)
            continue
        scores = score_windows(
            model,
            split,
            length=size,
            tokens=tokens,
            chunk=min(config.chunk, size),
            batch_size=config.batch_size,
            on_tokens=advance,
        )
        rows.append({"multiple": multiple, **scores})
    return rows, beyond


def _stream(model: LanguageModel, split: Split, config: Context, limit: Limit, advance: Advance) -> dict[str, Any]:
    tokens = min(config.stream_tokens, limit.tokens or config.stream_tokens)
    return score_stream(model, split, tokens=tokens, chunk=config.chunk, on_tokens=advance)


def _held_out(model: LanguageModel, split: Split, config: Context, evaluate: Evaluate) -> dict[str, Any]:
    windows = max(1, config.window_tokens // evaluate.length)
    return held_out_loss(model, first_documents(split, length=evaluate.length, windows=windows), evaluate)


def _field(model: LanguageModel, split: Split, config: Context, limit: Limit) -> dict[str, Any]:
    asked = config.receptive_field
    require_tokens(split, asked.length, f"context.receptive_field.length ({asked.length})")
    length = min(asked.length, limit.tokens or asked.length)
    return receptive_field(model, split, length=length, windows=asked.windows, batch_size=config.batch_size)


def _spikes(cell: TrainedCell, config: Context, root: Path) -> dict[str, Any]:
    file = f"metrics/train/{cell.manifest['model']}-{cell.manifest['seed']}.jsonl"
    verified(root, file, cell.manifest)
    history = [json.loads(line) for line in (root / file).read_text(encoding="utf-8").splitlines()]
    return gradient_spikes(history, factor=config.gradient_spikes.factor, window=config.gradient_spikes.window)
