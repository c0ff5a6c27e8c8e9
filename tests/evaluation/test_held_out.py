import numpy as np
import pytest
import torch
from torch import nn

from resnetbk.errors import UserError
from resnetbk.evaluation.held_out import held_out_loss
from resnetbk.params.evaluation import Evaluate


class Bigram(nn.Module):
    """Logits that hang on the present token alone, so that windows do not change the loss."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        table = np.random.default_rng(0).standard_normal((vocabulary_size, vocabulary_size))
        self.table_VV = nn.Parameter(torch.from_numpy(table).float())

    def forward(self, tokens_BL):
        return self.table_VV[tokens_BL]


class Position(Bigram):
    """A loss of exactly its position in the window: one logit for every token but the label's place."""

    def forward(self, tokens_BL):
        return torch.zeros(*tokens_BL.shape, len(self.table_VV)) * self.table_VV.sum()


def score(model, split, **changes):
    return held_out_loss(model, split, Evaluate(**{"length": 8, "batch_size": 3, "position_bucket": 3} | changes))


@pytest.mark.parametrize("length, batch_size", [(8, 3), (5, 1), (64, 2), (2, 7)])
def test_every_document_is_scored_once_whatever_the_windows(corpus, vocabulary_size, length, batch_size):
    model, split = Bigram(vocabulary_size), corpus.split("test")
    scores = score(model, split, length=length, batch_size=batch_size)
    log_probability = torch.log_softmax(model.table_VV.detach().double(), -1).numpy()
    for row, (start, size, length_in_bytes) in zip(scores["documents"], split.documents.tolist(), strict=True):
        tokens = split.tokens[start : start + size].astype(int)
        assert row["loss"] == pytest.approx(-log_probability[tokens[:-1], tokens[1:]].mean(), rel=1e-6)
        assert (row["tokens"], row["bytes"]) == (size - 1, length_in_bytes)
    assert scores["tokens"] == 63 == sum(row["tokens"] for row in scores["loss_by_position"])


def test_the_same_bits_twice_and_the_mode_restored(corpus, vocabulary_size):
    model = Bigram(vocabulary_size).train()
    assert score(model, corpus.split("test")) == score(model, corpus.split("test"))
    assert model.training


def test_uniform_model_scores_the_logarithm_of_the_vocabulary(corpus, vocabulary_size):
    scores = score(Position(vocabulary_size), corpus.split("test"))
    assert scores["loss"] == pytest.approx(np.log(vocabulary_size), rel=1e-6)
    assert scores["perplexity"] == pytest.approx(vocabulary_size, rel=1e-6)


def test_positions_are_those_of_the_window(corpus, vocabulary_size):
    scores = score(Bigram(vocabulary_size), corpus.split("test"))
    assert [row["position"] for row in scores["loss_by_position"]] == [0, 3, 6]
    windows = [min(8, size - start) for size in (7, 1, 30, 16, 9) for start in range(0, size, 8)]
    counts = [sum(window > position for window in windows) for position in range(8)]
    assert [row["tokens"] for row in scores["loss_by_position"]] == [
        sum(counts[0:3]),
        sum(counts[3:6]),
        sum(counts[6:8]),
    ]
    total = sum(row["loss"] * row["tokens"] for row in scores["loss_by_position"])
    assert total == pytest.approx(scores["loss"] * scores["tokens"], rel=1e-12)


def test_loss_that_is_not_finite_names_document_and_position(corpus, vocabulary_size):
    class Broken(Bigram):
        def forward(self, tokens_BL):
            logits_BLV = super().forward(tokens_BL).clone()
            logits_BLV[(tokens_BL == marked_token) & (torch.arange(tokens_BL.shape[1]) == 2)] = float("nan")
            return logits_BLV

    split = corpus.split("test")
    start = int(split.documents[2, 0])
    marked_token = int(split.tokens[start + 8 + 2])  # the third of the document's second window
    first = next(
        (number, window + 2)
        for number, (start, size, _) in enumerate(split.documents.tolist())
        for window in range(0, size - 1, 8)
        if window + 2 < size - 1 and split.tokens[start + window + 2] == marked_token
    )
    with pytest.raises(UserError, match=rf"document {first[0]} of the test split is nan at position {first[1]}:"):
        score(Broken(vocabulary_size), split)
