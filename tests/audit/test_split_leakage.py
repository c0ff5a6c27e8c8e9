import numpy as np
import pytest

from resnetbk.audit.split_leakage import check_split_leakage


@pytest.fixture
def check(make_split):
    def run(documents):
        return check_split_leakage({name: make_split(some, name) for name, some in documents.items()})

    return run


def test_disjoint_splits_pass(check, documents):
    outcome = check(documents)
    assert outcome.passed
    assert outcome.measured["documents"] == {"train": 6, "validation": 2, "test": 3}
    assert outcome.measured["test_windows_in_train"] == 0
    assert outcome.measured["longest_shared_run"] < 10


@pytest.mark.parametrize("split", ["validation", "test"])
def test_copied_document_fails_and_is_named(check, documents, split):
    documents["train"].append(documents[split][1])
    outcome = check(documents)
    assert not outcome.passed
    assert f"document 1 of {split} (121 tokens) is document 6 of train" in outcome.detail


def test_document_in_validation_and_test_fails(check, documents):
    documents["validation"].append(documents["test"][0])
    assert not check(documents).passed


def test_copied_passage_is_counted(check, documents):
    passage = documents["test"][2][10:90]
    documents["train"].append(np.r_[1, 2, passage, 3])
    outcome = check(documents)
    assert outcome.passed
    assert outcome.measured["test_windows_in_train"] >= 80 - 64 + 1
    assert outcome.measured["longest_shared_run"] >= 80
