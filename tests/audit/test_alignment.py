import numpy as np
import pytest
import torch

from resnetbk.audit.alignment import check_alignment
from resnetbk.training.loss import next_token_loss


def loader(split, *, step, batch_size, length, seed):
    starts = np.random.default_rng((seed, step)).integers(0, len(split.tokens) - length - 1, batch_size)
    rows = np.stack([split.tokens[start : start + length + 1] for start in starts]).astype(np.int64)
    return torch.from_numpy(rows[:, :-1]), torch.from_numpy(rows[:, 1:])


@pytest.fixture
def split(make_split, random_documents):
    return make_split(random_documents(5, seed=1))


@pytest.fixture
def check(split, vocabulary_size):
    def run(batch=loader, loss=next_token_loss):
        return check_alignment(
            split,
            batch,
            loss,
            vocabulary_size=vocabulary_size,
            batch_size=3,
            length=16,
            steps=(0, 5),
            seed=0,
        )

    return run


def test_next_tokens_pass(check):
    outcome = check()
    assert outcome.passed, outcome.detail
    assert outcome.measured["oracle_loss"] < 1e-6


@pytest.mark.parametrize("shift", [-1, 1, 2])
def test_loader_shifted_fails(check, shift):
    def shifted(split, **where):
        tokens_BL, labels_BL = loader(split, **where)
        return tokens_BL, torch.roll(labels_BL, shift, dims=1)

    outcome = check(batch=shifted)
    assert not outcome.passed
    assert outcome.measured["step"] == 0 and "the next token is" in outcome.detail


def test_one_wrong_label_is_located(check):
    def wrong(split, **where):
        tokens_BL, labels_BL = loader(split, **where)
        labels_BL = labels_BL.clone()  # a view of the tokens
        labels_BL[1, 7] = (labels_BL[1, 7] + 1) % 23
        return tokens_BL, labels_BL

    outcome = check(batch=wrong)
    assert (outcome.measured["row"], outcome.measured["position"]) == (1, 7)
    assert outcome.measured["wrong_labels"] == 1


def test_loader_that_gives_time_major_labels_fails(check):
    def scrambled(split, **where):
        tokens_BL, labels_BL = loader(split, **where)
        return tokens_BL, labels_BL.T.reshape(labels_BL.shape)

    assert not check(batch=scrambled).passed


def test_loader_that_invents_tokens_fails(check):
    def invented(split, **where):
        tokens_BL, labels_BL = loader(split, **where)
        return tokens_BL.flip(1), labels_BL

    assert "no window of the token stream" in check(batch=invented).detail


def time_major(logits_BLV, labels_BL):
    return next_token_loss(logits_BLV, labels_BL.T.reshape(labels_BL.shape))


def shifted_twice(logits_BLV, labels_BL):
    return next_token_loss(logits_BLV[:, :-1], labels_BL[:, 1:])


def last_token_dropped(logits_BLV, labels_BL):
    return next_token_loss(logits_BLV[:, :-1], labels_BL[:, :-1])


def summed(logits_BLV, labels_BL):
    return next_token_loss(logits_BLV, labels_BL) * labels_BL.numel()


def silent(logits_BLV, labels_BL):
    return logits_BLV.sum() * 0.0


@pytest.mark.parametrize("loss", [time_major, shifted_twice])
def test_loss_that_pairs_other_positions_fails(check, loss):
    outcome = check(loss=loss)
    assert not outcome.passed and "oracle" in outcome.detail


@pytest.mark.parametrize("loss", [last_token_dropped, summed, silent])
def test_loss_that_does_not_count_each_token_once_fails(check, loss):
    outcome = check(loss=loss)
    assert not outcome.passed and "time-major" in outcome.detail
