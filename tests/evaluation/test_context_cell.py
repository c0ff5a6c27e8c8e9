import json

import pytest
from tests.evaluation.small_cell import CONTEXT, give_model, give_other_text

from resnetbk.errors import UserError
from resnetbk.evaluation.context_cell import context_cell
from resnetbk.params.context import Context
from resnetbk.params.models import Transformer
from resnetbk.repro.files import sha256_file

pytestmark = pytest.mark.usefixtures("small_heap")


@pytest.fixture
def root(root):
    give_other_text(root)
    return root


def measure(params, root, **changes):
    params = params.model_copy(update={"context": Context.model_validate({**CONTEXT, **changes})})
    return context_cell(params, "small", 3, root=root)


def test_cell_states_what_was_measured(params, root):
    record = measure(params, root)
    assert list(record) == [
        "model",
        "seed",
        "data",
        "weights",
        "parameters",
        "training_length",
        "state_size",
        "limit",
        "windows",
        "lengths_beyond_limit",
        "stream",
        "out_of_domain",
        "receptive_field",
        "gradient_spikes",
    ]
    assert record["weights"] == sha256_file(root / "models/small-3/weights.safetensors")
    rows = [(row["multiple"], row["length"], row["windows"], row["tokens"]) for row in record["windows"]]
    assert rows == [(1, 8, 8, 60), (2, 16, 4, 60), (4, 32, 2, 60)]  # the same 64 tokens, four of them an eos
    assert record["stream"]["length"] == 60 and record["stream"]["tokens"] == 56
    assert record["out_of_domain"]["other"]["held_out"]["tokens"] == 42
    assert record["out_of_domain"]["other"]["stream"]["length"] == 43
    assert [row["step"] for row in record["gradient_spikes"]["spikes"]] == [50]
    assert record["receptive_field"]["windows"] == 4
    assert json.dumps(record, allow_nan=False) == json.dumps(measure(params, root), allow_nan=False)


def test_a_model_whose_state_grows_stops_where_it_is_told(params, root):
    attention = {"family": "transformer", "layers": 1, "heads": 2, "ffn_ratio": 2.0, "rope_theta": 1e4}
    params = params.model_copy(update={"models": {"small": Transformer(**attention)}})
    give_model(params, root)
    record = measure(params, root)
    assert record["limit"]["tokens"] == 20 and "grows" in record["limit"]["reason"]
    assert [row["length"] for row in record["windows"]] == [8, 16] and record["lengths_beyond_limit"] == [32]
    assert record["windows"][0]["tokens"] == 60, "its losses are on the tokens that the others read"
    assert record["stream"]["length"] == record["receptive_field"]["length"] == 20


def test_a_split_too_short_is_refused(params, root):
    with pytest.raises(UserError, match=r"68 tokens, and context\.multiples up to 16 x 8 takes more than 128"):
        measure(params, root, multiples=[1, 16])
    with pytest.raises(UserError, match=r"context\.receptive_field\.length \(68\)"):
        measure(params, root, receptive_field={"length": 68, "windows": 1})


def test_history_that_was_changed_is_refused(params, root):
    (root / "metrics/train/small-3.jsonl").write_text("")
    with pytest.raises(UserError, match="not what the training wrote"):
        measure(params, root)
