"""Every global generator from one number, and back to where it was."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from resnetbk.repro.seeding import SeedContext, generate_deterministic_seeds, set_global_seed


@pytest.fixture(autouse=True)
def as_before():
    with SeedContext(0, deterministic=False):
        yield


def draw() -> tuple:
    return random.random(), np.random.random(), torch.rand(()).item(), np.random.normal(), random.gauss(0, 1)


def flags() -> tuple:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.utils.deterministic.fill_uninitialized_memory,
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.deterministic,
        torch.get_num_threads(),
    )


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, np.int64(7)])
def test_a_seed_decides_what_every_generator_draws(seed: int):
    set_global_seed(seed)
    first = draw()
    set_global_seed(seed)
    assert draw() == first
    set_global_seed(int(seed) ^ 1)
    assert all(one != other for one, other in zip(draw(), first, strict=True))


@pytest.mark.parametrize("seed", [0, 5, 2**32 - 1])
def test_no_two_generators_draw_the_same_numbers(seed: int):
    set_global_seed(seed)
    assert len(set(draw())) == 5


def test_small_seeds_are_those_of_the_libraries():
    set_global_seed(3)
    drawn = draw()[:3]
    torch.manual_seed(3)
    assert drawn == (random.Random(3).random(), np.random.RandomState(3).random(), torch.rand(()).item())


@pytest.mark.parametrize(
    ("seed", "error"), [(-1, ValueError), (2**32, ValueError), (1.5, TypeError), ("1", TypeError)]
)
def test_what_is_no_seed_is_refused_and_changes_nothing(seed: object, error: type[Exception]):
    set_global_seed(0, deterministic=False)
    expected = draw()
    set_global_seed(0, deterministic=False)
    for function in (set_global_seed, SeedContext, lambda seed: generate_deterministic_seeds(seed, 1)):
        with pytest.raises(error):
            function(seed)
    assert draw() == expected


def test_deterministic_algorithms_are_asked_for_unless_not_wanted():
    torch.use_deterministic_algorithms(False)
    set_global_seed(0, deterministic=False)
    assert not torch.are_deterministic_algorithms_enabled()
    set_global_seed(0)
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark


def test_a_context_restores_generators_and_flags():
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = True
    before = flags()
    set_global_seed(11, deterministic=False)
    random.gauss(0, 1), np.random.normal()  # both keep a second number for later
    with SeedContext(11, deterministic=False):
        pass
    expected = draw(), draw()
    set_global_seed(11, deterministic=False)
    random.gauss(0, 1), np.random.normal()
    with SeedContext(3):
        draw()
        torch.use_deterministic_algorithms(False)
        torch.utils.deterministic.fill_uninitialized_memory = not before[2]
        torch.set_num_threads(before[-1] + 1)
        assert flags() != before
    assert flags() == before
    assert (draw(), draw()) == expected


def test_contexts_nest_and_one_may_be_entered_again():
    context = SeedContext(4)
    with context:
        first = draw()
        with context:
            assert draw() == first
            with SeedContext(5):
                assert draw() != first
        second = draw()
    with context:
        assert (draw(), draw()) == (first, second)


def test_a_context_restores_after_an_error():
    set_global_seed(1, deterministic=False)
    before, expected = flags(), draw()
    set_global_seed(1, deterministic=False)
    with pytest.raises(ZeroDivisionError), SeedContext(2):
        draw()
        torch.use_deterministic_algorithms(True, warn_only=True)
        _ = 1 / 0
    assert (flags(), draw()) == (before, expected)


def test_the_control_without_a_context_the_draws_go_on():
    set_global_seed(1, deterministic=False)
    expected = draw()
    set_global_seed(1, deterministic=False)
    set_global_seed(2, deterministic=False)
    assert draw() != expected


def test_the_first_seeds_do_not_depend_on_how_many_there_are():
    longest = generate_deterministic_seeds(12, 500)
    for count in (0, 1, 7, 499):
        assert generate_deterministic_seeds(12, count) == longest[:count]
    assert longest[:2] == [570356716, 741055479]  # on every machine and version


def test_no_two_seeds_are_the_same_in_neighbouring_lists():
    lists = [generate_deterministic_seeds(base, 200) for base in (0, 1, 2)]
    together = [seed for seeds in lists for seed in seeds]
    assert len(set(together)) == len(together)
    assert all(0 <= seed < 2**32 for seed in together)


def test_among_more_seeds_than_chance_would_allow_no_two_are_the_same():
    seeds = generate_deterministic_seeds(1, 100_000)  # of so many drawn by chance, some would be
    assert len(set(seeds)) == len(seeds)
    drawn = np.random.default_rng(1).integers(0, 2**32, 300_000)
    assert len(np.unique(drawn)) < len(drawn)


def test_streams_are_not_correlated():
    streams = np.stack([np.random.RandomState(s).normal(size=4000) for s in generate_deterministic_seeds(0, 40)])
    correlation = np.corrcoef(streams) - np.eye(40)
    assert np.abs(correlation).max() < 5.5 / np.sqrt(4000)


def test_a_negative_count_is_refused():
    with pytest.raises(ValueError, match=r"count is from 0 to 2\*\*32 - 1; found -1"):
        generate_deterministic_seeds(0, -1)


def test_jax_gets_a_key():
    jax = pytest.importorskip("jax")
    expected = jax.random.key_data(jax.random.key(3)).tolist()
    assert jax.random.key_data(set_global_seed(3)).tolist() == expected
    with SeedContext(3) as context:
        assert jax.random.key_data(context.jax_key).tolist() == expected


WITHOUT_TORCH = """
import random, sys
import numpy as np
from resnetbk.repro.execution import verify_deterministic_execution
from resnetbk.repro.seed_state import load_seed_state, save_seed_state
from resnetbk.repro.seeding import SeedContext, set_global_seed

assert set_global_seed(3) is None
save_seed_state("state.json")
first = random.random(), np.random.random()
with SeedContext(4):
    random.random()
load_seed_state("state.json")
assert (random.random(), np.random.random()) == first
assert verify_deterministic_execution(np.random.random, 3).identical
try:
    import torch
except ModuleNotFoundError:
    print("done")
"""


def test_it_works_where_torch_is_not_installed(tmp_path: Path):
    installed = Path(np.__file__).parents[1]
    for package in installed.iterdir():
        if package.name in ("numpy", "numpy.libs", "psutil"):
            (tmp_path / package.name).symlink_to(package)
    source = Path(__file__).parents[2] / "src"
    run = subprocess.run(
        [sys.executable, "-S", "-c", WITHOUT_TORCH],  # -S: without site-packages
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{source}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.stdout == "done\n", run.stderr
