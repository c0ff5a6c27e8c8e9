"""The generators' state in a file: it comes back whole, or one error says why and nothing moves."""

from __future__ import annotations

import json
import os
import pickle
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from resnetbk.repro.files import sha256_json
from resnetbk.repro.seed_state import capture_seed_state, load_seed_state, restore_seed_state, save_seed_state
from resnetbk.repro.seeding import SeedContext, set_global_seed


@pytest.fixture(autouse=True)
def as_before():
    with SeedContext(0, deterministic=False):
        yield


def draw() -> tuple:
    return random.random(), random.gauss(0, 1), np.random.normal(), torch.randn(5).tolist()


def test_a_saved_state_comes_back_in_the_middle_of_a_stream(tmp_path: Path):
    set_global_seed(1, deterministic=False)
    draw()
    save_seed_state(tmp_path / "new/state.json")
    expected = draw(), draw()
    draw()
    load_seed_state(tmp_path / "new/state.json")
    assert (draw(), draw()) == expected


def test_without_loading_the_draws_differ(tmp_path: Path):
    save_seed_state(tmp_path / "state.json")
    expected = draw()
    assert draw() != expected


def forged(path: Path, **changes) -> None:
    """Change a state and give it the hash of its new content."""
    content = json.loads(path.read_text())
    content["state"] |= changes
    content["sha256"] = sha256_json(content["state"])
    path.write_text(json.dumps(content))


def test_a_file_that_is_not_as_it_was_written_sets_nothing(tmp_path: Path):
    path = tmp_path / "state.json"
    save_seed_state(path)
    whole = path.read_bytes()
    here = repr(capture_seed_state())
    for content, message in [
        (b"", "not a seed state, which is JSON"),
        (whole[: len(whole) // 2], "not a seed state, which is JSON"),
        (b"[1, 2]", "expected format 'resnetbk seed state 1', found 'list'"),
        (b'{"format": "other"}', "found 'other'"),
        (whole.replace(b'"gauss": 0.0', b'"gauss": 0.5'), "damaged"),
        (pickle.dumps({"format": os.getcwd}), "not a seed state, which is JSON"),
    ]:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message) as error:
            load_seed_state(path)
        assert str(path) in str(error.value)
        assert repr(capture_seed_state()) == here
    with pytest.raises(FileNotFoundError):
        load_seed_state(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"python": [3, [1, 2], None]}, "not the state of a generator"),
        ({"python": 3}, "not the state of a generator"),
        ({"numpy": {"bit_generator": "PCG64"}}, "not the state of a generator"),
        ({"numpy": {"bit_generator": "Nothing"}}, "not the state of a generator"),
        ({"torch": None}, "has no torch generator, which this process has"),
        ({"torch": "AAAA"}, "not the state of torch's generator"),
        ({"torch": "?"}, "not the state of torch's generator"),
        ({"cuda": ["AAAA"]}, f"has 1 CUDA devices, and this process has {torch.cuda.device_count()}"),
        ({"other": 1}, "expected the fields python, numpy, torch and cuda"),
    ],
)
def test_a_state_that_does_not_fit_sets_nothing(tmp_path: Path, changes: dict, message: str):
    path = tmp_path / "state.json"
    save_seed_state(path)
    here = repr(capture_seed_state())
    forged(path, **changes)
    draw()
    moved = repr(capture_seed_state())
    assert moved != here
    with pytest.raises(ValueError, match=message):
        load_seed_state(path)
    assert repr(capture_seed_state()) == moved


def test_another_kind_of_numpy_generator_is_not_mistaken_for_this_one():
    state = capture_seed_state()
    other = np.random.RandomState(np.random.PCG64(1)).get_state(legacy=False)
    with pytest.raises(ValueError, match="is of NumPy's PCG64, and the generator here is MT19937"):
        restore_seed_state(replace(state, numpy=other))


def test_every_flipped_bit_is_found(tmp_path: Path):
    path = tmp_path / "state.json"
    save_seed_state(path)
    whole = path.read_bytes()
    chance = random.Random(5)
    for _ in range(150):
        content = bytearray(whole)
        content[chance.randrange(len(whole) - 1)] ^= 1 << chance.randrange(8)  # the last byte ends the line
        path.write_bytes(content)
        with pytest.raises(ValueError):
            load_seed_state(path)
