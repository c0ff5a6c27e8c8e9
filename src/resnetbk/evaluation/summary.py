"""What is reported of any predictor of the test split, from its total loss on each document.

D documents.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np

from resnetbk.errors import UserError


def summarise(nats_D: np.ndarray, tokens_D: np.ndarray, bytes_D: np.ndarray) -> dict[str, Any]:
    """Return loss, perplexity and bits per byte of a split, and the loss of each of its documents.

    Sums are rounded once (`math.fsum`) and the exponential is taken in decimal arithmetic, so that no bit
    hangs on the host's C library.

    **Arguments:** `nats_D`: float64, summed loss of each document; `tokens_D`: int64, tokens predicted in
    each; `bytes_D`: int64, UTF-8 bytes of each document's text.
    **Returns:** loss (nats per token), perplexity (its exponential), bits_per_byte (total nats / ln 2 / total
    bytes), tokens, bytes, and documents: rows of loss, tokens, bytes in the order of the split.
    **Raises:** `UserError` when a document has no token or no byte to count.
    """
    if not len(nats_D):
        raise UserError("the test split has no documents; raise prepare.test_fraction or max_documents")
    empty = np.flatnonzero((tokens_D == 0) | (bytes_D == 0))
    if len(empty):
        raise UserError(f"document {empty[0]} of the test split is empty; run `dvc repro prepare`")
    tokens, size, nats = int(tokens_D.sum()), int(bytes_D.sum()), math.fsum(nats_D.tolist())
    rows = zip((nats_D / tokens_D).tolist(), tokens_D.tolist(), bytes_D.tolist(), strict=True)
    return {
        "loss": nats / tokens,
        "perplexity": float(Decimal(nats / tokens).exp()),
        "bits_per_byte": nats / math.log(2) / size,
        "tokens": tokens,
        "bytes": size,
        "documents": [{"loss": loss, "tokens": count, "bytes": length} for loss, count, length in rows],
    }
