"""Who scans: the official kernels on CUDA where they are installed, else ours."""

import importlib.util

import pytest
import torch

from resnetbk.kernels.selection import use
from resnetbk.models import state_space
from resnetbk.models.state_space import official_kernels_apply

INSTALLED = all(importlib.util.find_spec(package) for package in ("mamba_ssm", "causal_conv1d"))


class OnCuda(torch.Tensor):
    """A tensor that says it is on CUDA, for the decision alone."""

    @property
    def device(self):
        return torch.device("cuda")


def test_never_on_the_cpu():
    assert not official_kernels_apply(torch.zeros(1))


def test_on_cuda_where_they_are_installed():
    on_cuda = torch.zeros(1).as_subclass(OnCuda)
    assert official_kernels_apply(on_cuda) == (INSTALLED and torch.cuda.is_available())


@pytest.mark.parametrize("implementation", ["reference", "triton", "numba"])
def test_not_where_another_implementation_was_chosen(monkeypatch, implementation):
    for available in ("is_mamba_2_ssm_available", "is_causal_conv1d_available"):
        monkeypatch.setattr(state_space, available, lambda: True)
    on_cuda = torch.zeros(1).as_subclass(OnCuda)
    assert official_kernels_apply(on_cuda)
    with use(implementation):
        assert not official_kernels_apply(on_cuda)


@pytest.mark.parametrize("installed", [False, True])
def test_both_packages_are_needed(monkeypatch, installed):
    on_cuda = torch.zeros(1).as_subclass(OnCuda)
    monkeypatch.setattr(state_space, "is_mamba_2_ssm_available", lambda: True)
    monkeypatch.setattr(state_space, "is_causal_conv1d_available", lambda: installed)
    assert official_kernels_apply(on_cuda) == installed
    assert not official_kernels_apply(torch.zeros(1))
