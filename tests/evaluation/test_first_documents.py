import pytest

from resnetbk.evaluation.first_documents import first_documents


@pytest.mark.parametrize(
    "windows, documents",
    [(None, 5), (100, 5), (10, 5), (9, 4), (6, 3), (5, 2), (1, 1)],  # of 8 tokens: 1, 1, 4, 2 and 2
)
def test_whole_documents_that_fit(corpus, windows, documents):
    split = corpus.split("test")
    first = first_documents(split, length=8, windows=windows)
    assert first.documents.tolist() == split.documents[:documents].tolist()
    assert len(first) == first.documents[:, 1].sum() and first.name == "test"
    assert (first.tokens == split.tokens[: len(first)]).all()


def test_one_document_is_always_kept(corpus):
    assert len(first_documents(corpus.split("test"), length=2, windows=1).documents) == 1
