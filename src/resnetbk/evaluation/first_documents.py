"""The first documents of a split, where the whole would take too long."""

from __future__ import annotations

import numpy as np

from resnetbk.data.corpus import Split


def first_documents(split: Split, *, length: int, windows: int | None) -> Split:
    """Return a split's first documents: as many whole ones as `windows` windows of `length` hold, at least one.

    **Arguments:** `windows`: None for all documents.
    **Returns:** a split of the same name.
    """
    windows_D = np.ceil((split.documents[:, 1] - 1) / length)
    kept = len(split.documents) if windows is None else max(1, int((np.cumsum(windows_D) <= windows).sum()))
    documents = split.documents[:kept]
    return Split(split.name, split.tokens[: int(documents[:, 1].sum())], documents)
