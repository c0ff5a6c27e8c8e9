"""A DataLoader whose order and workers follow from a seed, and which moves nobody else's generator."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from resnetbk.repro.seeding import SeedContext
from resnetbk.repro.workers import data_loader_generator, seed_worker


@pytest.fixture(autouse=True)
def as_before():
    with SeedContext(0, deterministic=False):
        yield


class Noise(Dataset):
    """Each item with what the worker's three generators draw for it."""

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.tensor(
            [index, random.random(), np.random.random(), torch.rand(()).item()], dtype=torch.float64
        )


def epoch(seed: int, number: int = 0) -> torch.Tensor:
    loader = DataLoader(
        Noise(),
        batch_size=2,
        shuffle=True,
        num_workers=2,
        worker_init_fn=seed_worker,
        generator=data_loader_generator(seed, number),
    )
    return torch.cat(list(loader))


def test_order_and_noise_follow_from_the_seed_and_the_epoch():
    first = epoch(3)
    torch.rand(1)  # whatever the program drew before
    assert torch.equal(epoch(3), first)
    assert not torch.equal(epoch(4)[:, 0], first[:, 0])
    assert not torch.equal(epoch(3, 1)[:, 0], first[:, 0])
    assert torch.equal(epoch(3, 1), epoch(3, 1))


def test_workers_draw_streams_of_their_own():
    drawn = epoch(3)[:, 1:]
    assert len(drawn.unique()) == drawn.numel()


def test_the_programs_own_generator_stays_where_it_is():
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    epoch(3)
    list(DataLoader(range(9), shuffle=True, generator=data_loader_generator(3)))
    assert torch.equal(torch.rand(1), expected)


def test_the_control_a_loader_without_a_generator_moves_it():
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    list(DataLoader(range(9)))
    assert not torch.equal(torch.rand(1), expected)
