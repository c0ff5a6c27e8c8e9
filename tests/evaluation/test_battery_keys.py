"""Every key of the sections `context`, `quantise` and `early_exit` changes what is recorded or computed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tests.evaluation.small_cell import CONTEXT, EARLY_EXIT, QUANTISE, give_model, give_other_text

from resnetbk.evaluation.context_cell import context_cell
from resnetbk.evaluation.early_exit_cell import early_exit_cell
from resnetbk.evaluation.quantise_cell import quantise_cell
from resnetbk.params.context import Context
from resnetbk.params.early_exit import EarlyExit
from resnetbk.params.models import Transformer
from resnetbk.params.quantise import Quantise

pytestmark = pytest.mark.usefixtures("small_heap")

CHANGES = {
    "context": {
        "multiples": [1, 2],
        "window_tokens": 32,
        "stream_tokens": 10,
        "growing_state_tokens": 24,
        "chunk": 4,
        "batch_size": 1,
        "out_of_domain": [],
        "receptive_field": {"length": 12, "windows": 4},
        "gradient_spikes": {"factor": 20.0, "window": 3},
    },
    "quantise": {"precisions": [{"weights": 4}], "batches": 2, "clips": 1, "smallest_clip": 0.5},
    "early_exit": {"confidences": [0.6], "batches": 2},
}
INNER = {"receptive_field": {"length": 24, "windows": 2}, "gradient_spikes": {"factor": 3.0, "window": 5}}
SECTIONS = {
    "context": (Context, CONTEXT, context_cell),
    "quantise": (Quantise, QUANTISE, quantise_cell),
    "early_exit": (EarlyExit, EARLY_EXIT, early_exit_cell),
}
CASES = [(section, key, value) for section, changes in CHANGES.items() for key, value in changes.items()]
CASES += [("context", key, value) for key, value in INNER.items()]


@pytest.fixture
def params(params):
    """Those of a model whose state grows, which every key means something to."""
    attention = Transformer(family="transformer", layers=1, heads=2, ffn_ratio=2.0, rope_theta=1e4)
    return params.model_copy(update={"models": {"small": attention}})


@pytest.fixture
def root(root, params) -> Path:
    give_model(params, root)
    give_other_text(root)
    return root


def observe(params, root, section, **changes) -> str:
    """Return the record of a cell and the sizes of all that its model read."""
    schema, fields, cell = SECTIONS[section]
    read, forward = [], torch.nn.Embedding.forward

    def noted(self, tokens):
        read.append(list(tokens.shape))
        return forward(self, tokens)

    params = params.model_copy(update={section: schema.model_validate({**fields, **changes})})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.Embedding, "forward", noted)
        return json.dumps([cell(params, "small", 3, root=root), read])


@pytest.mark.parametrize("section, key, value", CASES)
def test_key(params, root, section, key, value):
    before = observe(params, root, section)
    assert before == observe(params, root, section)
    assert before != observe(params, root, section, **{key: value})


def test_no_key_is_forgotten():
    apart = {"out_of_domain_tokens"}  # of the stage out_of_domain: see test_out_of_domain
    for section, (schema, *_) in SECTIONS.items():
        assert set(schema.model_fields) == set(CHANGES[section]) | (apart if section == "context" else set())
