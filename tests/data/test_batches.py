import numpy as np
import pytest
import torch

from resnetbk.data.batches import evaluation_windows, training_batch
from resnetbk.data.corpus import Split
from resnetbk.errors import UserError


def make_split(lengths, name="train"):
    tokens = np.arange(sum(lengths), dtype="<u2")
    starts = np.cumsum(lengths) - lengths
    return Split(name, tokens, np.stack([starts, lengths, lengths], axis=1).astype(np.int64))


SPLIT = make_split([100])


def epoch_of(split, length, seed, epoch, windows):
    return [
        training_batch(split, step=epoch * windows + step, batch_size=1, length=length, seed=seed)[0][0, 0].item()
        for step in range(windows)
    ]


def test_targets_are_the_inputs_moved_by_one():
    x_BL, y_BL = training_batch(SPLIT, step=3, batch_size=4, length=8, seed=1)
    assert x_BL.shape == y_BL.shape == (4, 8)
    assert x_BL.dtype == y_BL.dtype == torch.int64
    assert torch.equal(y_BL[:, :-1], x_BL[:, 1:])
    assert torch.equal(y_BL, x_BL + 1)  # the tokens of this split count up


def test_an_epoch_sees_each_window_once():
    windows = 100 // 8 - 1
    first = epoch_of(SPLIT, 8, 0, 0, windows)
    second = epoch_of(SPLIT, 8, 0, 1, windows)
    for starts in (first, second):
        assert len(set(starts)) == windows
        assert {(start - min(starts)) % 8 for start in starts} == {0}
    assert first != second
    assert first != epoch_of(SPLIT, 8, 1, 0, windows)


def test_a_pure_function_of_its_arguments():
    asked = {"batch_size": 3, "length": 8, "seed": 5}
    before = [training_batch(SPLIT, step=step, **asked)[0] for step in range(12)]
    state = torch.get_rng_state()
    after = [training_batch(SPLIT, step=step, **asked)[0] for step in reversed(range(12))][::-1]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert torch.equal(state, torch.get_rng_state())


def test_pinned():
    """A change here changes the data order of every model."""
    assert training_batch(SPLIT, step=0, batch_size=4, length=8, seed=0)[0][:, 0].tolist() == [25, 57, 1, 81]


def test_too_short_a_split():
    with pytest.raises(UserError, match="the train split holds 100 tokens, too few for windows of 51"):
        training_batch(SPLIT, step=0, batch_size=1, length=51, seed=0)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
@pytest.mark.parametrize("length", [2, 5, 64])
def test_every_predicted_token_is_scored_once(length, batch_size):
    split = make_split([7, 2, 11, 6], "test")
    scored = []
    for batch in evaluation_windows(split, length=length, batch_size=batch_size):
        assert batch.x_BL.shape[1] == length
        assert batch.position_L.tolist() == list(range(length))
        assert torch.equal((batch.x_BL + 1)[batch.mask_BL], batch.y_BL[batch.mask_BL])
        scored += zip(batch.y_BL[batch.mask_BL].tolist(), batch.document_BL[batch.mask_BL].tolist(), strict=True)
    expected = [
        (token, document)
        for document, (start, count, _) in enumerate(split.documents)
        for token in range(start + 1, start + count)
    ]
    assert scored == expected
