import math

import numpy as np
import pytest

from resnetbk.errors import UserError
from resnetbk.evaluation.summary import summarise


def test_totals_follow_their_definitions():
    nats, tokens, size = np.array([10.0, 3.0]), np.array([4, 2]), np.array([20, 5])
    summary = summarise(nats, tokens, size)
    assert summary["loss"] == 13 / 6
    assert summary["perplexity"] == pytest.approx(math.exp(13 / 6), rel=1e-15)
    assert summary["bits_per_byte"] == pytest.approx(13 / math.log(2) / 25, rel=1e-15)
    assert (summary["tokens"], summary["bytes"]) == (6, 25)
    assert summary["documents"] == [
        {"loss": 2.5, "tokens": 4, "bytes": 20},
        {"loss": 1.5, "tokens": 2, "bytes": 5},
    ]


def test_total_does_not_hang_on_the_order_of_documents():
    nats = np.random.default_rng(0).random(1000) * 10.0 ** np.random.default_rng(1).integers(-6, 6, 1000)
    ones = np.ones(1000, np.int64)
    assert summarise(nats, ones, ones)["loss"] == summarise(nats[::-1], ones, ones)["loss"]
    assert np.cumsum(nats)[-1] != np.cumsum(nats[::-1])[-1]  # else the line above shows nothing


def test_a_split_without_documents_or_with_an_empty_one_is_refused():
    none = np.empty(0, np.int64)
    with pytest.raises(UserError, match="no documents"):
        summarise(none, none, none)
    with pytest.raises(UserError, match="document 1 "):
        summarise(np.ones(2), np.array([3, 0]), np.array([3, 3]))
