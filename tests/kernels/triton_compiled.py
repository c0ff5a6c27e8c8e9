"""The Triton kernels compile for a GPU that is not there, and fit into its registers: see test_triton.py."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
from functools import partial

import pytest
import torch
import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.backends.driver import DriverBase
from triton.runtime.jit import JITFunction

from resnetbk.kernels import triton as package

SPILLED = 128  # bytes a thread: a few registers; where a loop's state spills it is thousands


class Absent(DriverBase):
    """What the compiler asks a driver, answered for an A100 (compute capability 8.0)."""

    def __init__(self):
        pass

    @classmethod
    def is_active(cls):
        return True

    def get_current_target(self):
        return GPUTarget("cuda", 80, 32)

    def get_active_torch_device(self):
        return torch.device("cpu")

    def get_current_device(self):
        return 0

    def get_current_stream(self, device):
        return 0

    def map_python_to_cpp_type(self, ty):
        return ty

    def get_benchmarker(self):
        raise NotImplementedError


@pytest.fixture
def compiled(monkeypatch):
    """The kernels that a test launched: compiled to machine code, and not run."""
    kernels = []

    def launch(self, grid, *arguments, **options):
        kernels.append(self.run(*arguments, grid=grid, warmup=True, **options))

    triton.runtime.driver.set_active(Absent())
    monkeypatch.setattr(JITFunction, "__getitem__", lambda self, grid: partial(launch, self, grid))
    return kernels


def spilled(kernel, directory):
    """Return the bytes a thread keeps on the stack, because they fit into no register."""
    cubin = directory / "kernel.cubin"
    cubin.write_bytes(kernel.asm["cubin"])
    command = [triton.knobs.nvidia.cuobjdump.path, "--dump-resource-usage", cubin]
    usage = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return int(usage.split("STACK:")[1].split()[0])


def x(*shape):
    return torch.empty(shape)


# Sizes of a model of 100 M parameters. Forward's arguments, and backward's.
B, N, E, S, H, P = 2, 100, 1536, 16, 24, 64
BNE, BNH, BNHP, BNS = x(B, N, E), x(B, N, H), x(B, N, H, P), x(B, N, S)
GROUPED, BKSHP = x(B, N, 1, 128), x(B, 7, 128, H, P)
SELECTIVE = (BNE, BNE, x(E, S), BNS, BNS, x(E), BNE)
DUAL = (BNHP, BNH, x(H), GROUPED, GROUPED, x(H))
NORM = (BNE, BNE, BNE, x(E), x(E), 1e-5)
LAUNCHES = {
    "recurrence": ((BNE, BNE), (BNE, BNE, BNE)),
    "moebius": ((BNH, x(H), x(H), x(H)), (BNH, BNH, BNH, BNH, x(H))),
    "complex_recurrence": ((BNHP, BNH, BNH), (BNHP, BNHP, BNH, BNH, BNHP, BNHP)),
    "propagator": ((BNHP, BNH, x(H), x(H), x(H)), (BNHP, BNHP, BNHP, x(H), BNHP, BNHP, BNH, BNH)),
    "selective": (SELECTIVE, (BNE, *SELECTIVE, x(B, 7, S, E))),
    "state_space_dual": (DUAL, (BNHP, *DUAL, BKSHP)),
    "convolution": ((BNE, x(E, 4), x(E)), (BNE, BNE, x(E, 4), x(E))),
    "norm": (NORM, (BNE, *NORM)),
}


def module(name):
    return importlib.import_module(f"{package.__name__}.{name}")


def test_every_kernel_is_in_the_list():
    names = [found.name for found in pkgutil.iter_modules(package.__path__)]
    assert {name for name in names if hasattr(module(name), "forward")} == set(LAUNCHES)


@pytest.mark.parametrize("name", LAUNCHES)
def test_compiles_for_cuda_and_fits_into_registers(name, compiled, tmp_path):
    arguments, adjoint_arguments = LAUNCHES[name]
    module(name).forward(*arguments)
    launched_forwards = len(compiled)
    module(name).backward(*adjoint_arguments)
    assert len(compiled) > launched_forwards > 0
    for kernel in compiled:
        assert ".target sm_80" in kernel.asm["ptx"]
        assert spilled(kernel, tmp_path) <= SPILLED, kernel.name


@triton.jit
def _no_power_of_two(y):
    tl.store(y + tl.arange(0, 3), 1.0)


@triton.jit
def _too_much_to_carry(y, length):
    at = tl.arange(0, 2048)
    carry = tl.load(y + at)
    for _ in range(length):
        carry = carry * tl.load(y + at + 1)
    tl.store(y + at, carry)


def test_what_does_not_compile_is_noticed(compiled):
    with pytest.raises(triton.CompilationError):
        _no_power_of_two[1,](x(4))


def test_spilling_is_noticed(compiled, tmp_path):
    _too_much_to_carry[1,](x(4), 9, num_warps=1, maxnreg=32)  # half of the 64 floats a thread carries
    assert spilled(compiled[0], tmp_path) > SPILLED
