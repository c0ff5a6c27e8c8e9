import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.evaluation.toy_models import Fading
from tests.models.model_configs import BUDGET, gpt2, mamba, resnet_bk, transformer
from tests.packed_corpus import draw_documents, pack

from resnetbk.data.corpus import Split
from resnetbk.errors import UserError
from resnetbk.evaluation.streaming import longest_sequence, require_tokens, score_stream, score_windows
from resnetbk.models.registry import build_model

pytestmark = pytest.mark.usefixtures("small_heap")

VOCABULARY = 64
LINEAR = {"resnet_bk": resnet_bk(), "mamba": mamba()}


@pytest.fixture(scope="module")
def split() -> Split:
    return Split("test", *pack(draw_documents(0, (90, 3, 150, 40), VOCABULARY)))


def nats_by_hand(model, split, starts, length):
    """Return the losses of whole forwards and which of them are of a real token, [rows, length]."""
    rows_BL = torch.from_numpy(np.stack([split.tokens[s : s + length + 1] for s in starts]).astype(np.int64))
    with torch.no_grad():
        logits_BLV = model(rows_BL[:, :-1])
    nats_BL = F.cross_entropy(logits_BLV.transpose(1, 2), rows_BL[:, 1:], reduction="none").numpy()
    return nats_BL.astype(np.float64), rows_BL[:, 1:].numpy() != 0


@pytest.mark.parametrize("family", LINEAR)
@pytest.mark.parametrize("length, chunk, batch_size", [(32, 32, 8), (64, 7, 3), (128, 50, 1)])
def test_windows_are_whole_forwards(split, family, length, chunk, batch_size):
    model = build_model(LINEAR[family], VOCABULARY, BUDGET, seed=0)
    scores = score_windows(model, split, length=length, tokens=256, chunk=chunk, batch_size=batch_size)
    nats, real = nats_by_hand(model, split, range(0, 256, length), length)
    assert scores["loss"] == pytest.approx(nats[real].mean(), rel=1e-5)
    assert scores["tokens"] == real.sum() == 253  # three documents begin there
    assert (scores["length"], scores["windows"]) == (length, 256 // length)
    assert (scores["non_finite_losses"], scores["non_finite_logits"]) == (0, 0)


def test_stream_carries_its_state_and_a_model_that_forgets_it_is_found(split):
    nats, real = nats_by_hand(Fading(VOCABULARY), split, [0], 280)
    expected = pytest.approx(nats[real].mean(), rel=1e-6)
    seen = []
    score = score_stream(Fading(VOCABULARY), split, tokens=280, chunk=9, on_tokens=seen.append)
    assert score["loss"] == expected and sum(seen) == 280
    assert score_stream(Fading(VOCABULARY, forgets=True), split, tokens=280, chunk=9)["loss"] != expected


def test_stream_is_as_long_as_the_split_at_most(split):
    assert score_stream(Fading(VOCABULARY), split, tokens=10**9, chunk=64)["length"] == len(split) - 1


def peaks(model, split, tokens=280, chunk=20):
    memory = score_stream(model, split, tokens=tokens, chunk=chunk)["memory"]
    assert [row["position"] for row in memory] == [0, 20, 140, 260]
    return [row["peak_bytes"] for row in memory]


@pytest.mark.parametrize("family", LINEAR)
def test_memory_of_a_stream_is_constant(split, family):
    model = build_model(LINEAR[family], VOCABULARY, BUDGET, seed=0)
    weights = sum(parameter.nbytes for parameter in model.parameters())
    found = peaks(model, split)
    assert len(set(found)) == 1 and found[0] > weights + model.state_size(280)


def test_memory_that_grows_is_seen(split):
    found = peaks(build_model(transformer(), VOCABULARY, BUDGET, seed=0), split)
    assert found == sorted(set(found))


def test_what_is_not_finite_is_counted(split):
    class Bursting(Fading):
        def _step(self, tokens_BL, state):
            logits_BLV, (h_BD,) = super()._step(tokens_BL, state)
            return torch.where(h_BD.abs().amax() > 100, torch.nan, logits_BLV), (h_BD,)

    model = Bursting(VOCABULARY, fade=1.1)  # its state grows without bound
    score = score_stream(model, split, tokens=100, chunk=4)
    broken = score["first_non_finite"]
    assert broken % 4 == 0 < broken and not np.isfinite(score["loss"]) and score["largest_state"] > 100
    assert score["non_finite_logits"] % VOCABULARY == 0 < score["non_finite_losses"] <= 100 - broken
    assert score_stream(model, split, tokens=broken, chunk=4)["non_finite_logits"] == 0


def test_limits():
    models = {
        config.family: build_model(config, VOCABULARY, BUDGET, seed=0)
        for config in (resnet_bk(), mamba(), transformer(), gpt2(context=128))
    }
    assert longest_sequence(models["resnet_bk"], 500) == longest_sequence(models["mamba"], 500) == (None, None)
    assert longest_sequence(models["transformer"], 500).tokens == 500
    assert longest_sequence(models["gpt2"], 500) == (128, "it has learned no more positions")
    assert longest_sequence(models["gpt2"], 100).tokens == 100


def test_mode_is_restored_and_no_gradient_is_left(split):
    model = Fading(VOCABULARY).train()
    score_stream(model, split, tokens=50, chunk=20)
    assert model.training and model.head.grad is None


def test_short_split_is_refused(split):
    require_tokens(split, len(split) - 1, "a stream")
    with pytest.raises(UserError, match=r"test split holds 287 tokens, and a stream takes more than 287"):
        require_tokens(split, len(split), "a stream")


@pytest.mark.nightly
def test_memory_is_constant_over_twenty_thousand_tokens():
    long = Split("test", *pack(draw_documents(1, (9000, 12000), VOCABULARY)))
    for config in LINEAR.values():
        model = build_model(config, VOCABULARY, BUDGET, seed=0)
        score = score_stream(model, long, tokens=20_000, chunk=100)
        assert len({row["peak_bytes"] for row in score["memory"]}) == 1
        assert score["non_finite_logits"] == 0
