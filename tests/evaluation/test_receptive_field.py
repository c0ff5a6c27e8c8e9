import math

import numpy as np
import pytest
import torch
from tests.evaluation.toy_models import Fading
from tests.models.model_configs import BUDGET, gpt2, mamba, mamba2, resnet_bk, transformer
from tests.packed_corpus import draw_documents, pack

from resnetbk.data.corpus import Split
from resnetbk.evaluation.receptive_field import gradient_norms, profile, receptive_field, token_embedding
from resnetbk.models.registry import build_model

VOCABULARY = 64
LENGTH = 48


@pytest.fixture(scope="module")
def split() -> Split:
    return Split("test", *pack(draw_documents(0, (200, 300), VOCABULARY)))


@pytest.mark.parametrize("fade", [0.5, 0.8])
def test_a_fading_memory_has_its_geometric_profile(split, fade):
    model = Fading(VOCABULARY, fade=fade)
    field = receptive_field(model, split, length=LENGTH, windows=5, batch_size=2)
    weights = fade ** np.arange(LENGTH)
    assert field["mean_distance"] == pytest.approx((weights @ np.arange(LENGTH)) / weights.sum(), rel=1e-5)
    assert field["distance_90"] == math.ceil(math.log(0.1) / math.log(fade)) - 1
    shares = [row["share"] for row in field["by_distance"]]
    assert [row["distance"] for row in field["by_distance"]] == [0, 1, 2, 4, 8, 16, 32]
    assert sum(shares) == pytest.approx(1) and shares[0] == pytest.approx(1 - fade, rel=1e-3)
    assert field["by_distance"][1]["gradient_norm"] == pytest.approx(
        fade * field["by_distance"][0]["gradient_norm"], rel=1e-5
    )


def test_a_longer_memory_reaches_further(split):
    near, far = (
        receptive_field(Fading(VOCABULARY, fade=fade), split, length=LENGTH, windows=5, batch_size=5)
        for fade in (0.5, 0.9)
    )
    assert near["mean_distance"] < far["mean_distance"] and near["distance_90"] < far["distance_90"]


@pytest.mark.parametrize(
    "config", [resnet_bk(), mamba(), mamba2(), transformer(), gpt2()], ids=lambda config: config.family
)
def test_rows_of_every_family_have_gradients_of_their_own_and_the_model_is_left_alone(config):
    model = build_model(config, VOCABULARY, BUDGET, seed=0).train()
    assert token_embedding(model).num_embeddings == VOCABULARY
    rows_BL = torch.from_numpy(np.random.default_rng(0).integers(VOCABULARY, size=(2, 13)))
    norms_BL = gradient_norms(model, rows_BL)
    assert norms_BL.shape == (2, 12) and (norms_BL[:, -1] > 0).all() and np.isfinite(norms_BL).all()
    np.testing.assert_allclose(norms_BL[1:], gradient_norms(model, rows_BL[1:]), rtol=1e-4)
    assert model.training and all(parameter.grad is None for parameter in model.parameters())


def test_gradients_that_are_not_finite_are_counted_and_there_is_no_distance():
    norms = np.array([1.0, np.nan, 2.0, np.inf])
    summary = profile(norms)
    assert (summary["non_finite"], summary["mean_distance"], summary["distance_90"]) == (2, None, None)
    assert profile(np.zeros(4))["mean_distance"] is None
