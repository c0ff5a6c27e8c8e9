"""Long sequences and decoding: the slope, the state that is held, the tokens that are written."""

import pytest
import torch
from tests.models.model_configs import BUDGET, VOCABULARY, mamba, resnet_bk, transformer

from resnetbk.benchmark.streams import (
    decode,
    decoding_speeds,
    keeps_its_state_small,
    slope,
    stream,
    stream_lengths,
)
from resnetbk.models.registry import build_model

LENGTHS = [4**power for power in range(5, 11)]


@pytest.fixture(params=["resnet_bk", "mamba", "transformer"])
def model(request):
    config = {"resnet_bk": resnet_bk, "mamba": mamba, "transformer": transformer}[request.param]()
    return build_model(config, VOCABULARY, BUDGET, 0).eval()


def test_the_slope_is_one_where_time_per_token_is_flat_and_two_where_it_grows():
    assert slope({length: 3e-6 * length for length in LENGTHS}) == pytest.approx(1)
    assert slope({length: 3e-9 * length**2 for length in LENGTHS}) == pytest.approx(2)
    assert slope({length: 1e-6 * length**1.06 for length in LENGTHS}) > 1.05


def test_the_state_that_is_held_is_the_state_that_is_stated(model):
    held = {length: stream(model, length, 24, VOCABULARY)[1] for length in (24, 60)}
    assert held == {length: model.state_size(length) for length in held}
    assert (held[24] == held[60]) == keeps_its_state_small(model)


def test_a_length_is_repeated_as_its_tokens_allow(model):
    seconds, held = stream_lengths(model, [16, 32, 128], 16, VOCABULARY, 64)
    assert {length: times.repeats for length, times in seconds.items()} == {16: 4, 32: 2, 128: 1}
    assert all(times.median > 0 for times in seconds.values())
    assert held.keys() == seconds.keys()


def test_decoding_writes_the_likeliest_token(model):
    written_BL = decode(model, 8)
    read_BL = torch.cat([torch.zeros(1, 1, dtype=torch.int64), written_BL[:, :-1]], 1)
    with torch.no_grad():
        assert torch.equal(model(read_BL).argmax(-1), written_BL)


def test_speeds_are_tokens_a_second(model):
    speeds = decoding_speeds({"one": model, "two": model}, 4, 2)
    assert speeds.keys() == {"one", "two"}
    assert all(speed.median > 0 and speed.repeats == 2 for speed in speeds.values())
