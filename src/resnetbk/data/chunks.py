"""The first half of the work: documents from the source to chunks on disk, deduplicated and split.

Everything lies in a resume folder. A chunk is a parquet file (split, text), renamed into place whole; then one
SQLite transaction records its fingerprints and how far the source has been read. A kill at any instant leaves
whole chunks only, and what follows is read again. Fingerprints are on disk, so memory does not grow with the
corpus.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from resnetbk.data.progress import progress
from resnetbk.data.split import SPLITS, assign, fingerprint
from resnetbk.errors import UserError
from resnetbk.params.corpus import Prepare
from resnetbk.repro.files import atomic_path

SCHEMA = """
pragma journal_mode = wal;  -- with the next line: whole after a crash, and no wait for the disk at each chunk
pragma synchronous = normal;
create table if not exists document (fingerprint blob, split int, primary key (fingerprint, split)) without rowid;
create table if not exists chunk (
    number integer primary key, read int, empty int, duplicates int, train int, validation int, test int
);
create table if not exists finished (chunks int);
"""


class Chunks:
    """The documents of a corpus on disk, in the source's order, each with its split."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.database = sqlite3.connect(folder / "documents.sqlite")
        self.database.executescript(SCHEMA)

    def close(self) -> None:
        self.database.close()

    def __len__(self) -> int:
        return self.database.execute("select count(*) from chunk").fetchone()[0]

    def totals(self) -> dict[str, int]:
        """Return the numbers of documents: read, empty, duplicates, and by split."""
        names = ("read", "empty", "duplicates", *SPLITS)
        sums = ", ".join(f"coalesce(sum({name}), 0)" for name in names)
        return dict(zip(names, self.database.execute(f"select {sums} from chunk").fetchone(), strict=True))

    def texts(self, number: int, split: str) -> list[str]:
        """Return the documents of one chunk that fell to a split."""
        table = pq.read_table(self.folder / f"{number:06}.parquet")
        return table.filter(pa.compute.equal(table["split"], SPLITS.index(split)))["text"].to_pylist()

    def collect(self, documents: Iterator[str], params: Prepare, *, chunk_documents: int) -> None:
        """Read the source to its end, or to `max_documents`, going on after the last whole chunk.

        **Raises:** `UserError` when a split stays empty.
        """
        if self.database.execute("select 1 from finished").fetchone():
            return
        done = self.totals()["read"]
        if done:
            print(f"resuming after {done:,} documents", file=sys.stderr)
        documents = islice(documents, done, params.max_documents)
        with progress("reading documents", "documents", total=params.max_documents, done=done) as advance:
            while batch := list(islice(documents, chunk_documents)):
                self._add(batch, params)
                advance(len(batch))
        self._refuse_empty_splits()
        with self.database:
            self.database.execute("insert into finished values (?)", (len(self),))

    def _add(self, batch: list[str], params: Prepare) -> None:
        number = len(self)
        kept: dict[bytes, tuple[int, str]] = {}
        empty = duplicates = 0
        for text in batch:
            name = _fingerprint(text)
            if not name:
                empty += 1
            elif name in kept or self._seen(name):
                duplicates += 1
            else:
                split = assign(
                    name,
                    validation_fraction=params.validation_fraction,
                    test_fraction=params.test_fraction,
                    seed=params.split_seed,
                )
                kept[name] = (split, text)
        splits = [split for split, _ in kept.values()]
        table = pa.table(
            {
                "split": pa.array(splits, pa.int8()),
                "text": pa.array([text for _, text in kept.values()], pa.string()),
            }
        )
        with atomic_path(self.folder / f"{number:06}.parquet") as partial:
            pq.write_table(table, partial, compression="zstd")
        counts = (splits.count(split) for split in range(len(SPLITS)))
        with self.database:
            self.database.executemany(
                "insert into document values (?, ?)", ((name, split) for name, (split, _) in kept.items())
            )
            self.database.execute(
                "insert into chunk values (?, ?, ?, ?, ?, ?, ?)", (number, len(batch), empty, duplicates, *counts)
            )

    def _seen(self, name: bytes) -> bool:
        query = "select 1 from document where fingerprint = ?"
        return self.database.execute(query, (name,)).fetchone() is not None

    def _refuse_empty_splits(self) -> None:
        totals = self.totals()
        empty = [split for split in SPLITS if not totals[split]]
        if empty:
            raise UserError(
                f"empty split: no document fell to {' or '.join(empty)} ({totals['read']} read, "
                f"{totals['empty']} empty, {totals['duplicates']} duplicates). "
                "Use more documents, larger fractions or another prepare.split_seed"
            )

    def prove_disjoint(self) -> None:
        """Check that no fingerprint was recorded in two splits.

        **Raises:** `RuntimeError` when one was: a fault of this program.
        """
        query = "select fingerprint from document group by fingerprint having count(*) > 1"
        shared = self.database.execute(query).fetchall()
        if shared:
            raise RuntimeError(f"{len(shared)} documents stand in two splits, the first {shared[0][0].hex()}")


def _fingerprint(text: str) -> bytes:
    try:
        return fingerprint(text)
    except UnicodeEncodeError as error:
        raise UserError(f"a document is not valid Unicode ({error.reason}); it begins {text[:60]!r}") from None
