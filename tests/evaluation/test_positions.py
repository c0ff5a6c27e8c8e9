import numpy as np
import pytest

from resnetbk.evaluation.positions import LossByPosition, bucket, first_of


def test_buckets_double():
    assert bucket(np.array([0, 1, 2, 3, 4, 7, 8, 1023, 1024])).tolist() == [0, 1, 2, 2, 3, 3, 4, 10, 11]
    assert [first_of(number) for number in range(5)] == [0, 1, 2, 4, 8]
    positions = np.array([first_of(number) for number in range(1, 50)])
    assert (bucket(positions) == bucket(positions - 1) + 1).all()


def test_mean_is_that_of_the_losses_that_count_whatever_the_chunks():
    draw = np.random.default_rng(0)
    nats_BL, scored_BL = draw.random((3, 40)), draw.random((3, 40)) < 0.8
    whole, parts = LossByPosition(), LossByPosition()
    whole.add(0, nats_BL, scored_BL)
    for first in range(0, 40, 7):
        parts.add(first, nats_BL[:, first : first + 7], scored_BL[:, first : first + 7])
    for losses in (whole, parts):
        assert losses.tokens == scored_BL.sum()
        assert losses.loss == pytest.approx(nats_BL[scored_BL].mean(), rel=1e-12)
        assert [row["position"] for row in losses.rows()] == [0, 1, 2, 4, 8, 16, 32]
    inside = nats_BL[:, 4:8][scored_BL[:, 4:8]]
    assert parts.rows()[3] == {"position": 4, "loss": pytest.approx(inside.mean()), "tokens": len(inside)}


def test_a_loss_that_is_not_finite_is_counted_and_spoils_its_bucket_alone():
    losses, nats_BL, scored_BL = LossByPosition(), np.ones((2, 6)), np.ones((2, 6), bool)
    nats_BL[1, 5], nats_BL[0, 4], nats_BL[0, 0], scored_BL[0, 0] = np.nan, np.inf, np.nan, False
    losses.add(10, nats_BL, scored_BL)
    assert (losses.non_finite, losses.first_non_finite) == (2, 14)
    assert not np.isfinite(losses.loss)
    losses.add(16, np.ones((2, 6)), np.ones((2, 6), bool))
    assert losses.rows()[-1]["loss"] == 1


def test_no_tokens_have_no_loss():
    assert np.isnan(LossByPosition().loss) and LossByPosition().rows() == []
