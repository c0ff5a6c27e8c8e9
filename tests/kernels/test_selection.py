"""Which implementation runs, and what is said when it cannot."""

from __future__ import annotations

import pytest
import torch
from tests.kernels.cases import GENERATOR

from resnetbk.kernels.recurrence import linear_recurrence
from resnetbk.kernels.selection import selected, use


def call():
    return linear_recurrence(torch.ones(1, 2, 3), torch.ones(1, 2, 3))


def test_the_reference_runs_when_it_is_chosen(kernel):
    GENERATOR.manual_seed(0)
    arguments = list(kernel.inputs(2, 37, 6).values())
    expected = kernel.reference(*arguments)
    with use("reference"):
        found = kernel.function(*arguments)
    for x, y in zip(*((v if isinstance(v, tuple) else (v,)) for v in (found, expected)), strict=True):
        assert torch.equal(x, y)


def test_a_block_ends_its_choice(monkeypatch):
    monkeypatch.delenv("RESNETBK_KERNELS", raising=False)
    x = torch.ones(1)
    with use("reference"), use("auto"):
        assert selected(x) == "numba"
    assert selected(x) == "numba"
    monkeypatch.setenv("RESNETBK_KERNELS", "reference")
    assert selected(x) == "reference"


def test_an_unknown_choice_is_refused(monkeypatch):
    with (
        pytest.raises(ValueError, match="expected one of auto, reference, numba, triton; found 'cuda'"),
        use("cuda"),
    ):
        pass
    monkeypatch.setenv("RESNETBK_KERNELS", "fast")
    with pytest.raises(ValueError, match="RESNETBK_KERNELS: expected one of"):
        call()


def test_triton_without_cuda_is_refused(monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with use("triton"), pytest.raises(ValueError, match="run on CUDA, but the tensors are on the CPU"):
        call()


def test_a_missing_triton_is_named(monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with (
        use("triton"),
        pytest.raises(ValueError, match="`pip install triton`, or choose RESNETBK_KERNELS=reference"),
    ):
        call()
