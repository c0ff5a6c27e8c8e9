"""Decoding from a state gives what one forward gives, with a state that is as large as it says and never grows."""

import copy

import pytest
import torch
from tests.models.model_configs import BUDGET, CONFIGS, VOCABULARY, resnet_bk

from resnetbk.errors import UserError
from resnetbk.models.language_model import state_bytes
from resnetbk.models.registry import build_model

CHUNKS = {"single": [1] * 24, "mixed": [1, 5, 2, 1, 8, 3, 4]}
TOLERANCE = {"rtol": 0, "atol": 1e-5}


@pytest.fixture(scope="module", params=CONFIGS)
def model(request):
    return build_model(CONFIGS[request.param], VOCABULARY, BUDGET, 0)


@pytest.fixture
def propagating():
    return build_model(resnet_bk(), VOCABULARY, BUDGET, 0)


def decode(model, tokens_BL, chunks, forget=False):
    """Return the logits of consecutive steps and the bytes of the state after each; `forget` drops the state."""
    state, logits, sizes = model.initial_state(len(tokens_BL)), [], []
    for tokens_BC in tokens_BL.split(chunks, dim=1):
        logits_BCV, state = model.step(tokens_BC, state)
        logits.append(logits_BCV)
        sizes.append(state_bytes(state))
        state = model.initial_state(len(tokens_BL)) if forget else state
    return torch.cat(logits, 1), sizes


@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS)
def test_steps_are_a_forward(model, tokens_BL, chunks):
    with torch.no_grad():
        expected_BLV = model(tokens_BL)
    logits_BLV, sizes = decode(model, tokens_BL, chunks)
    torch.testing.assert_close(logits_BLV, expected_BLV, **TOLERANCE)
    lengths = torch.tensor(chunks).cumsum(0).tolist()
    assert sizes == [len(tokens_BL) * model.state_size(length) for length in lengths]
    forgetful_BLV, _ = decode(model, tokens_BL, chunks, forget=True)  # the comparison can fail
    assert not torch.allclose(forgetful_BLV, expected_BLV, **TOLERANCE)


def test_the_state_says_its_size(model):
    assert state_bytes(model.initial_state(3)) == 3 * model.state_size(0)


def test_the_given_state_is_left_alone_and_no_gradient_is_recorded(model, tokens_BL):
    _, state = model.step(tokens_BL[:, :7], model.initial_state(2))
    kept = copy.deepcopy(state)
    first_BLV, _ = model.step(tokens_BL[:, 7:], state)
    torch.testing.assert_close(state, kept, rtol=0, atol=0)
    again_BLV, _ = model.step(tokens_BL[:, 7:], state)
    assert torch.equal(first_BLV, again_BLV)
    assert not first_BLV.requires_grad


@pytest.mark.parametrize("part", [0, 1, 2, 3, 4])
def test_every_part_of_the_state_counts(propagating, tokens_BL, part):
    """The convolution's inputs, Re g, Im g, Re s and Im s of the first layer."""
    _, state = propagating.step(tokens_BL[:, :7], propagating.initial_state(2))
    whole_BLV, _ = propagating.step(tokens_BL[:, 7:], state)
    ((past,), mixer), feed_forward = state[0]
    parts = [past, *mixer]
    parts[part] = torch.zeros_like(parts[part])
    without = ((((parts[0],), tuple(parts[1:])), feed_forward), *state[1:])
    assert not torch.allclose(propagating.step(tokens_BL[:, 7:], without)[0], whole_BLV, **TOLERANCE)


def test_bad_tokens_are_one_error(propagating, tokens_BL):
    state = propagating.initial_state(2)
    for wrong in (tokens_BL[0], tokens_BL[:, :0]):
        with pytest.raises(UserError, match=r"ResNetBKModel\.step: expected token ids of shape"):
            propagating.step(wrong, state)


@pytest.mark.parametrize("name", ["bidirectional_diagonal", "bidirectional_propagator"])
def test_an_encoder_does_not_decode(name, tokens_BL):
    model = build_model(resnet_bk(mixer=name), VOCABULARY, BUDGET, 0)
    with pytest.raises(UserError, match=f"mixer '{name}' has no initial_state: it reads in both directions"):
        model.initial_state(2)
    with pytest.raises(UserError, match=f"mixer '{name}' has no state_size"):
        model.state_size(10)
    with pytest.raises(UserError, match=r"step: the model reads in both directions"):
        model.step(tokens_BL, ())
