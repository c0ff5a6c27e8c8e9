from contextlib import closing
from itertools import chain, count, pairwise

import pytest

from resnetbk.data.chunks import Chunks
from resnetbk.data.split import SPLITS, fingerprint
from resnetbk.errors import UserError


@pytest.fixture
def chunks(tmp_path):
    with closing(Chunks(tmp_path / "chunks")) as chunks:
        yield chunks


def collect(chunks, texts, params, size=7):
    chunks.collect(iter(texts), params, chunk_documents=size)
    return {split: [text for n in range(len(chunks)) for text in chunks.texts(n, split)] for split in SPLITS}


def test_every_document_once_in_order(chunks, make_texts, make_params):
    texts = make_texts(60)
    splits = collect(chunks, [*texts, "  ", texts[3], texts[4] + "\n"], make_params("sotu"))
    assert sorted(chain(*splits.values())) == sorted(texts)
    assert all(texts.index(a) < texts.index(b) for split in splits.values() for a, b in pairwise(split))
    totals = chunks.totals()
    assert (totals["read"], totals["empty"], totals["duplicates"]) == (63, 1, 2)
    chunks.prove_disjoint()


def test_adding_a_document_moves_no_other(tmp_path, make_texts, make_params):
    splits = []
    for number in (60, 61):
        with closing(Chunks(tmp_path / str(number))) as chunks:
            splits.append(collect(chunks, make_texts(number), make_params("sotu")))
    assert all(set(splits[0][split]) <= set(splits[1][split]) for split in SPLITS)


def test_no_more_than_asked_for_are_read(chunks, make_params):
    endless = (f"Document {number}" for number in count())
    chunks.collect(endless, make_params("sotu", max_documents=40), chunk_documents=16)
    assert chunks.totals()["read"] == 40


def test_empty_split(chunks, make_texts, make_params):
    with pytest.raises(UserError, match=r"empty split: no document fell to .*\(2 read, 0 empty, 0 duplicates\)"):
        collect(chunks, make_texts(2), make_params("sotu"))


def test_invalid_unicode_is_named(chunks, make_params):
    with pytest.raises(UserError, match="not valid Unicode"):
        collect(chunks, ["fine", "half \ud800"], make_params("sotu"))


def test_a_document_in_two_splits_is_noticed(chunks, make_texts, make_params):
    collect(chunks, make_texts(60), make_params("sotu"))
    name = fingerprint(chunks.texts(0, "train")[0])
    with chunks.database:
        chunks.database.execute("insert into document values (?, 2)", (name,))
    with pytest.raises(RuntimeError, match="1 documents stand in two splits"):
        chunks.prove_disjoint()
