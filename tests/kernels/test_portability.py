"""The same bits whatever instruction set LLVM may use: plain SSE4, no fused multiply-add, against this host's."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
import torch
from llvmlite.binding import get_host_cpu_features
from tests.kernels.cases import GENERATOR, KERNELS

from resnetbk.kernels import recurrence

ROOT = Path(__file__).parents[2]
FUSED = bool(get_host_cpu_features().get("fma"))


def fingerprints(batch: int = 2) -> dict[str, str]:
    """Return kernel to SHA-256 of its outputs and gradients on fixed inputs."""
    result = {}
    for name, kernel in KERNELS.items():
        GENERATOR.manual_seed(0)
        arguments = [x.requires_grad_() for x in kernel.inputs(batch, 37, 70).values()]
        outputs = kernel.function(*arguments)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        gradients = torch.autograd.grad(sum((y * y).sum() for y in outputs), arguments)
        digest = hashlib.sha256()
        for x in (*outputs, *gradients):
            digest.update(x.detach().numpy().tobytes())
        result[name] = digest.hexdigest()
    return result


def target() -> list[str]:
    """Return the CPU that kernels are compiled for."""
    from numba.core.registry import cpu_target

    return list(cpu_target.target_context.codegen().magic_tuple())


def test_same_bits_for_an_older_cpu(tmp_path):
    environment = {
        **os.environ,
        "NUMBA_CPU_NAME": "nehalem",
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(tmp_path),
        "OMP_NUM_THREADS": "1",
    }
    code = "import json, tests.kernels.test_portability as t; print(json.dumps([t.target(), t.fingerprints()]))"
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    other, found = json.loads(run.stdout)
    assert other[1:] == ["nehalem", ""] != target()[1:]
    assert found == fingerprints()


@pytest.mark.skipif(not FUSED, reason="without fused multiply-add nothing can contract")
def test_contraction_would_change_the_bits():
    """The negative control: the same kernel with a * b + c in one rounding."""
    GENERATOR.manual_seed(0)
    u, alpha = (x.numpy() for x in KERNELS["linear_recurrence"].inputs(2, 37, 70).values())
    fused = numba.njit(error_model="numpy", fastmath={"contract"})(recurrence._forward.py_func)
    results = []
    for forward in (recurrence._forward, fused):
        s = np.zeros_like(u)
        forward(u[0], alpha[0], np.zeros_like(u[0, 0]), s[0])
        results.append(s)
    assert np.allclose(*results, rtol=1e-3, atol=1e-5)
    assert not np.array_equal(*results)
