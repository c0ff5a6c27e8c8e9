"""The second half: chunks of documents to tokens, and tokens to one packed file a split.

A document is `EOS` and then its tokens, so that every real token has something before it to be predicted from.
Tokens of a chunk are kept in the resume folder as one file, renamed into place whole.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from resnetbk.data.chunks import Chunks
from resnetbk.data.progress import progress
from resnetbk.data.split import SPLITS
from resnetbk.data.tokenizers import EOS
from resnetbk.errors import UserError
from resnetbk.repro.files import atomic_path, sha256_file

BATCH_CHARACTERS = 2**20  # bounds what one call of the tokenizer holds in memory


def token_type(vocabulary_size: int) -> np.dtype:
    """Return the little-endian type that tokens of a vocabulary are stored as: uint16 or uint32.

    **Raises:** `UserError` for a vocabulary too large for both.
    """
    for name in ("<u2", "<u4"):
        if vocabulary_size <= np.iinfo(name).max + 1:
            return np.dtype(name)
    raise UserError(f"a vocabulary of {vocabulary_size:,} does not fit 32-bit tokens; use a smaller one")


def tokenise(chunks: Chunks, tokenizer: Tokenizer, dtype: np.dtype) -> None:
    """Encode every chunk that has not been encoded yet."""
    todo = [number for number in range(len(chunks)) if not _encoded(chunks, number).is_file()]
    done = len(chunks) - len(todo)
    if done:
        print(f"resuming after {done} of {len(chunks)} tokenised chunks", file=sys.stderr)
    with progress("tokenising", "chunks", total=len(chunks), done=done) as advance:
        for number in todo:
            arrays = {}
            for split in SPLITS:
                texts = chunks.texts(number, split)
                arrays[f"{split}.tokens"], arrays[f"{split}.lengths"] = encode(texts, tokenizer, dtype)
                arrays[f"{split}.bytes"] = np.array([len(text.encode()) for text in texts], np.int64)
            with atomic_path(_encoded(chunks, number)) as partial, open(partial, "wb") as file:
                np.savez(file, **arrays)
            advance(1)


def encode(texts: list[str], tokenizer: Tokenizer, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Encode documents.

    **Returns:** their tokens one after the other (`dtype`), each document opened by `EOS`; and the number of
    tokens of each, with that `EOS` (int64).
    **Raises:** `UserError` when a token does not fit `dtype`.
    """
    eos = tokenizer.token_to_id(EOS)
    pieces, lengths = [np.empty(0, dtype)], []
    for batch in _batches(texts):
        for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False):
            ids = np.array([eos, *encoding.ids], np.int64)
            if ids.max() > np.iinfo(dtype).max:
                raise UserError(
                    f"token {ids.max()} does not fit {dtype}: the vocabulary ({tokenizer.get_vocab_size():,}) "
                    "is too large for the token type"
                )
            assert (ids[1:] != eos).all(), "a document holds the end-of-document token"
            pieces.append(ids.astype(dtype))
            lengths.append(len(ids))
    return np.concatenate(pieces), np.array(lengths, np.int64)


def _batches(texts: list[str]) -> list[list[str]]:
    batches: list[list[str]] = []
    size = BATCH_CHARACTERS
    for text in texts:
        if size + len(text) > BATCH_CHARACTERS:
            batches.append([])
            size = 0
        batches[-1].append(text)
        size += len(text)
    return batches


def assemble(chunks: Chunks, split: str, folder: Path) -> dict[str, Any]:
    """Join a split's chunks into `{split}.tokens` and `{split}.documents.npy`.

    **Returns:** what the data card says of the split: documents, tokens, bytes and hashes.
    """
    documents = chunks.totals()[split]
    tokens_hash, text_hash = hashlib.sha256(), hashlib.sha256()
    written = start = size = 0
    # Written, not mapped: a full disk under a mapped file is a SIGBUS instead of an error.
    with open(folder / f"{split}.tokens", "wb") as file, open(folder / f"{split}.documents.npy", "wb") as index:
        header = {"descr": "<i8", "fortran_order": False, "shape": (documents, 3)}
        np.lib.format.write_array_header_1_0(index, header)
        for number in range(len(chunks)):
            with np.load(_encoded(chunks, number)) as arrays:
                tokens, lengths, sizes = (arrays[f"{split}.{name}"] for name in ("tokens", "lengths", "bytes"))
            index.write(np.stack([start + np.cumsum(lengths) - lengths, lengths, sizes], axis=1).tobytes())
            file.write(tokens.tobytes())
            tokens_hash.update(tokens.tobytes())
            for text in chunks.texts(number, split):
                text_hash.update(text.encode() + b"\0")
            written += len(lengths)
            start += len(tokens)
            size += int(sizes.sum())
    assert written == documents, (split, written, documents)
    return {
        "documents": documents,
        "tokens": start,
        "bytes": size,
        "tokens_sha256": tokens_hash.hexdigest(),
        "documents_sha256": sha256_file(folder / f"{split}.documents.npy"),
        "text_sha256": text_hash.hexdigest(),
    }


def _encoded(chunks: Chunks, number: int) -> Path:
    return chunks.folder / f"{number:06}.npz"
