"""A resolvent's statistics are those of their definition, and the memory is the one that the mixer has."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tests.models.model_configs import resnet_bk
from torch import nn

from resnetbk.models.mixers import phase
from resnetbk.models.resnet_bk import load_mixer
from resnetbk.models.resnet_bk.statistics import LONGEST_MEMORY, resolvent_statistics

WIDTH, HEADS = 8, 4
RESOLVENT_MIXERS = ("propagator", "diagonal", "phase", "scattering")


def build(name: str, **changes) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return load_mixer(name)(WIDTH, resnet_bk(mixer=name, heads=HEADS, **{"eta": 0.5, **changes}))


def draw(length: int) -> torch.Tensor:
    return torch.randn(2, length, WIDTH, generator=torch.Generator().manual_seed(1))


def test_against_complex_arithmetic():
    draw = np.random.default_rng(0)
    g_BNH = draw.normal(size=(2, 5, 3)) + 1j * draw.uniform(0.1, 1, (2, 5, 3))
    kept_BNH = draw.uniform(0.1, 0.9, (2, 5, 3))
    found = resolvent_statistics(*map(torch.from_numpy, (g_BNH.real.copy(), g_BNH.imag.copy(), kept_BNH)))
    assert found["resolvent/magnitude"].item() == pytest.approx(np.abs(g_BNH).mean())
    assert found["resolvent/phase"].item() == pytest.approx(np.angle((g_BNH / np.abs(g_BNH)).mean()))
    memory_H = -1 / np.log(kept_BNH).mean((0, 1))
    assert found["resolvent/memory_length"].item() == pytest.approx(memory_H.mean())


@pytest.mark.parametrize(("kept", "memory"), [(math.exp(-1 / 7), 7), (1.0, LONGEST_MEMORY), (0.0, 1 / 87.3)])
def test_memory_of_a_constant_transition(kept: float, memory: float):
    ones = torch.ones(1, 4, 2)
    found = resolvent_statistics(ones, ones, torch.full((1, 4, 2), kept))
    assert found["resolvent/memory_length"].item() == pytest.approx(memory, rel=1e-3)


@pytest.mark.parametrize("name", RESOLVENT_MIXERS)
def test_the_memory_is_how_long_a_difference_lasts(name: str):
    """Two sequences that differ in their first token: the distance between their states, head by head."""
    mixer = build(name, eta=0.02).double()
    if hasattr(mixer, "memory"):
        nn.init.zeros_(mixer.memory.start)  # so that only what the token writes differs
    u_BNE = torch.zeros(1, 120, WIDTH, dtype=torch.float64)
    other_BNE = u_BNE.clone()
    other_BNE[:, 0] += 0.1
    distances = []
    with torch.no_grad():
        for length in (60, 120):
            ends = [mixer.step(x_BNE[:, :length], mixer.initial_state(1))[1] for x_BNE in (u_BNE, other_BNE)]
            # g of a head where that is all there is, else its states s
            first, second = (torch.complex(*(part[0] for part in end[-2:])).reshape(HEADS, -1) for end in ends)
            distances.append((first - second).abs().amax(1))
    memory_H = 60 / torch.log(distances[0] / distances[1])
    long_BNE = torch.zeros(1, 4000, WIDTH, dtype=torch.float64)  # g itself takes a while to settle
    found = mixer.statistics(long_BNE)["resolvent/memory_length"].item()
    assert found == pytest.approx(memory_H.mean().item(), rel=0.03)


@pytest.mark.parametrize("name", RESOLVENT_MIXERS)
def test_scalars_without_gradient(name: str):
    found = build(name, energies=2).statistics(draw(9))
    assert {"resolvent/magnitude", "resolvent/phase", "resolvent/memory_length"} <= found.keys()
    assert all(value.ndim == 0 and not value.requires_grad for value in found.values())
    assert 0 < found["resolvent/phase"] < math.pi


def test_potentials_at_the_limit_are_counted():
    mixer = build("phase")
    u_BNE = draw(9)
    assert mixer.statistics(u_BNE)["resolvent/clamped"] == 0
    large_BNE = u_BNE.clone()
    large_BNE[0, 3:5] *= 1e8
    expected = (2 * mixer.choice(large_BNE)).abs() > phase.LARGEST_POTENTIAL
    assert mixer.statistics(large_BNE)["resolvent/clamped"] == expected.sum() >= HEADS
