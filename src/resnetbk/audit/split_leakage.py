"""Leakage between splits: no held-out document is also a training document, in the tokens as packed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from resnetbk.audit.check import Check
from resnetbk.audit.shared_runs import longest_shared_run, shared_windows

WINDOW = 64  # tokens: longer than a stock phrase, shorter than a paragraph


def check_split_leakage(splits: Mapping[str, Any]) -> Check:
    """Compare the documents of all splits by the hash of their tokens, and report what test shares with
    train.

    Documents must be disjoint between any two splits. Passages may recur (quotations, boilerplate): how many
    windows of `WINDOW` test tokens occur in train and the longest common run are reported, not judged.

    **Arguments:** `splits`: train, validation and test; each has `tokens` (1-D) and `documents`, int64 [n,
    3]: start, number of tokens with the leading eos, bytes.
    **Returns:** a `Check`; on failure `detail` names the first document, its splits and its size.
    """
    owner: dict[bytes, tuple[str, int]] = {}
    copies = []
    for name, split in splits.items():
        for number, (start, tokens, _) in enumerate(split.documents.tolist()):
            content = np.ascontiguousarray(split.tokens[start + 1 : start + tokens])
            digest = hashlib.sha256(content.astype("<u4").tobytes()).digest()
            first = owner.setdefault(digest, (name, number))
            if first[0] != name:
                copies.append((name, number, tokens - 1, first))
    if copies:
        name, number, tokens, (first_name, first_number) = copies[0]
        return Check(
            False,
            f"{len(copies)} document(s) stand in two splits; first, document {number} of {name} ({tokens} "
            f"tokens) is document {first_number} of {first_name}",
            {"shared_documents": len(copies)},
        )
    train, test = (np.asarray(splits[name].tokens) for name in ("train", "test"))
    shared = shared_windows(train, test, WINDOW)
    return Check(
        True,
        f"no document stands in two splits; {int(shared.sum())} of {len(shared)} windows of {WINDOW} test "
        "tokens occur in train",
        {
            "documents": {name: len(split.documents) for name, split in splits.items()},
            "shared_documents": 0,
            "window": WINDOW,
            "test_windows": len(shared),
            "test_windows_in_train": int(shared.sum()),
            "longest_shared_run": longest_shared_run(train, test),
        },
    )
