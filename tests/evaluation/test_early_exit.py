import numpy as np
import pytest
import torch
from tests.models.model_configs import BUDGET, gpt2, mamba, mamba2, mixture, resnet_bk, transformer
from tests.packed_corpus import draw_documents, pack

from resnetbk.data.corpus import Split
from resnetbk.evaluation.depth import first_layers, forward_flops
from resnetbk.evaluation.early_exit import early_exit
from resnetbk.evaluation.early_exit_cell import early_exit_cell
from resnetbk.evaluation.held_out import held_out_loss
from resnetbk.models.registry import build_model
from resnetbk.params.early_exit import EarlyExit
from resnetbk.params.evaluation import Evaluate

VOCABULARY = 64
FAMILIES = [resnet_bk(ffn=mixture()), mamba(), mamba2(), transformer(), gpt2()]


@pytest.fixture(scope="module")
def split() -> Split:
    return Split("test", *pack(draw_documents(0, (30, 3, 50), VOCABULARY)))


@pytest.mark.parametrize("config", FAMILIES, ids=lambda config: config.family)
@torch.no_grad()
def test_first_layers_of_every_family(config):
    model = build_model(config, VOCABULARY, BUDGET, seed=0)
    tokens_BL = torch.from_numpy(np.random.default_rng(0).integers(VOCABULARY, size=(2, 9)))
    whole, logits = model(tokens_BL), []
    for layers in (0, 1, 2):
        with first_layers(model, layers):
            logits.append(model(tokens_BL))
    assert torch.equal(logits[2], whole) and torch.equal(model(tokens_BL), whole)
    assert not torch.equal(logits[0], logits[1]) and not torch.equal(logits[1], whole)
    with first_layers(model, 0):
        assert forward_flops(model, 9) == 2 * 9 * VOCABULARY * model.dimensions["width"]


def test_layers_come_back_after_an_error():
    model = build_model(resnet_bk(), VOCABULARY, BUDGET, seed=0)
    with pytest.raises(ZeroDivisionError), first_layers(model, 1):
        raise ZeroDivisionError
    assert len(model.layers) == 2


def test_confidences_lie_between_the_depths(split):
    model = build_model(mamba(), VOCABULARY, BUDGET, seed=0)
    score = {"length": 16, "batch_size": 3}
    found = early_exit(model, split, **score, confidences=[1e-9, *np.geomspace(0.016, 0.9, 60), 0.999])
    one, two, always, *between, never = found["rows"]
    plain = Evaluate(**score, position_bucket=4)
    assert two["loss"] == pytest.approx(held_out_loss(model, split, plain)["loss"], rel=1e-6)
    with first_layers(model, 1):
        assert one["loss"] == pytest.approx(held_out_loss(model, split, plain)["loss"], rel=1e-6)
    assert (always["loss"], always["flops"], always["exits"]) == (one["loss"], one["flops"], [1, 0])
    head = 2 * VOCABULARY * model.dimensions["width"]
    assert (never["loss"], never["flops"], never["mean_depth"]) == (two["loss"], two["flops"] + head, 2)
    stay = [row["exits"][1] for row in between]
    assert stay == sorted(stay) and any(0 < share < 1 for share in stay)
    for row in between:
        assert row["mean_depth"] == pytest.approx(1 + row["exits"][1])
        assert row["flops"] == pytest.approx(one["flops"] + row["exits"][1] * (never["flops"] - one["flops"]))
    assert found["tokens"] == 83


def test_a_row_that_another_beats_is_not_on_the_front(split):
    rows = early_exit(
        build_model(transformer(), VOCABULARY, BUDGET, seed=0),
        split,
        length=16,
        batch_size=3,
        confidences=[0.999],
    )["rows"]
    assert rows[1]["loss"] == rows[2]["loss"] and rows[1]["flops"] < rows[2]["flops"]
    assert not rows[2]["on_front"] and any(row["on_front"] for row in rows[:2])


def test_cell_states_what_was_scored(params, root):
    params = params.model_copy(update={"early_exit": EarlyExit(confidences=[0.5, 0.9], batches=2)})
    record = early_exit_cell(params, "small", 3, root=root)
    assert list(record) == ["model", "seed", "data", "weights", "parameters", "tokens", "rows"]
    assert record["tokens"] == 54
    assert [(row["depth"], row["confidence"]) for row in record["rows"]] == [(1, None), (None, 0.5), (None, 0.9)]
    assert record == early_exit_cell(params, "small", 3, root=root)
