"""The operators that stand in for MKL's compute what torch's compute."""

from __future__ import annotations

import subprocess
import sys

CHECK = """
import torch
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)

def results():
    torch.manual_seed(0)
    x = torch.randn(7, 5, 6, requires_grad=True)
    w = torch.randn(4, 6, requires_grad=True)
    b = torch.randn(4, requires_grad=True)
    y = F.linear(x, w, b).exp() @ torch.randn(4, 3)
    z = torch.addmm(b, x[0], w.t(), beta=0.5, alpha=2.0).abs().sqrt().log().sum() + y.sum()
    z.backward()
    out = torch.empty(3)
    torch.exp(torch.arange(3.0), out=out)
    return [y, z, x.grad, w.grad, b.grad, out, torch.ones(2).exp_(), torch.sqrt(torch.arange(3)),
            torch.ones(3, 0) @ torch.ones(0, 2)]

before = results()
from resnetbk.repro import portable
portable.install()
portable.install()
assert portable.installed()
for a, b in zip(before, results(), strict=True):
    torch.testing.assert_close(a, b)
x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
assert torch.autograd.gradcheck(lambda x: (x @ x.t()).exp().sqrt().log(), x)
try:
    torch.ones(2, 2, dtype=torch.float16) @ torch.ones(2, 2, dtype=torch.float16)
except RuntimeError as error:
    assert "covers float32 and float64; found torch.float16" in str(error)
else:
    raise SystemExit("half precision was not refused")
"""


def test_they_agree_with_torch_forward_and_backward():
    run = subprocess.run([sys.executable, "-W", "error", "-c", CHECK], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
