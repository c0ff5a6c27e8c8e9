from itertools import islice

import pytest

from resnetbk.data.sources.synthetic import answers, documents, vocabulary
from resnetbk.errors import UserError
from resnetbk.params.corpus import SyntheticCorpus

TASKS = ("mqar", "selective_copying", "induction", "needle")


def corpus(task, **changes):
    values = {"documents": 40, "length": 64, "vocabulary": 32, "seed": 3}
    return SyntheticCorpus(kind="synthetic", task=task, **{**values, **changes})


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("length", [8, 64])
def test_length_words_and_answers(task, length):
    made = corpus(task, length=length)
    words = vocabulary(made)
    assert len(words) == len(set(words)) == 32
    for document in documents(made):
        assert len(document.split()) == length
        assert set(document.split()) <= set(words)
        found = answers(task, document)
        assert found
        assert all(document.split()[place] == word for place, word in found.items())


@pytest.mark.parametrize("task", TASKS)
def test_a_wrong_answer_is_noticed(task):
    document = next(documents(corpus(task)))
    place, word = max(answers(task, document).items())
    words = document.split()
    words[place] = next(other for other in vocabulary(corpus(task)) if other[0] == word[0] and other != word)
    assert answers(task, " ".join(words))[place] != words[place]


@pytest.mark.parametrize("task", TASKS)
def test_documents_are_functions_of_seed_and_number(task):
    some = list(islice(documents(corpus(task)), 5))
    assert some == list(islice(documents(corpus(task, documents=9)), 5))
    assert some != list(islice(documents(corpus(task, seed=4)), 5))
    assert len(set(some)) == 5


def test_mqar_asks_for_every_key_as_often_as_zoology_does():
    document = next(documents(corpus("mqar", length=128, vocabulary=64)))
    assert len(answers("mqar", document)) == 8


def test_too_small_a_vocabulary():
    with pytest.raises(UserError, match="needs a vocabulary of 17 or more, found 12"):
        next(documents(corpus("mqar", length=128, vocabulary=12)))
