"""A packed corpus on disk, small enough to score by hand, and a cell that was trained on it."""

import gc
from pathlib import Path

import pytest
from tests.evaluation.small_cell import BUDGET, give_model
from tests.packed_corpus import draw_documents, write_corpus

from resnetbk.data.corpus import Corpus
from resnetbk.params import load_params

VOCABULARY = 13
LENGTHS = {"train": (40, 3, 25, 60), "validation": (12, 30), "test": (7, 1, 30, 16, 9)}  # without eos


@pytest.fixture
def corpus_folder(tmp_path) -> Path:
    splits = {
        name: draw_documents(seed, lengths, VOCABULARY) for seed, (name, lengths) in enumerate(LENGTHS.items())
    }
    return write_corpus(tmp_path / "data/corpus", splits, VOCABULARY)


@pytest.fixture
def corpus(corpus_folder) -> Corpus:
    return Corpus.open(corpus_folder)


@pytest.fixture
def vocabulary_size() -> int:
    return VOCABULARY


@pytest.fixture
def params():
    params = load_params(Path(__file__).parents[2] / "params.yaml")
    config = params.models["resnet_bk"].model_copy(update={"layers": 1, "heads": 2, "mixer": "exponential"})
    return params.model_copy(
        update={
            "run": params.run.model_copy(update={"parameter_budget": BUDGET}),
            "models": {"small": config},
            "audit": params.audit.model_copy(update={"length": 12, "batch_size": 2}),
            "evaluate": params.evaluate.model_copy(update={"length": 8, "batch_size": 4, "position_bucket": 4}),
        }
    )


@pytest.fixture
def root(params, corpus_folder) -> Path:
    """A repository in which one cell has been audited and trained (for no steps)."""
    root = corpus_folder.parents[1]
    give_model(params, root)
    return root


@pytest.fixture(scope="module")
def small_heap():
    """Spare the collections with which memory is counted the objects of all other tests."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
