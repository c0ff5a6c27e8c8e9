import pytest

from resnetbk.data.catalogue import CATALOGUE, resolve
from resnetbk.errors import UserError


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_name_resolves_to_a_pinned_corpus(name, make_params):
    corpus = resolve(make_params(name, max_documents=10))
    assert hasattr(corpus, "revision") or hasattr(corpus, "sha256") or corpus.kind == "synthetic"


def test_unknown_name_names_the_nearest(make_params):
    with pytest.raises(UserError, match="did you mean 'wikipedia-excerpt'"):
        resolve(make_params("wikipedia-exerpt"))


@pytest.mark.parametrize("name", ["c4", "pile"])
def test_a_streamed_corpus_needs_a_cap(name, make_params):
    with pytest.raises(UserError, match="max_documents is null"):
        resolve(make_params(name))
