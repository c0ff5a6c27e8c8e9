"""The operators that stand in for MKL's compute what torch's compute."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

CHECK = """
import torch
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)

def results():
    g = torch.Generator().manual_seed(0)
    def draw(*shape): return torch.randn(*shape, generator=g)
    def out(*shape): return torch.empty(*shape)
    x, w, b = (draw(*shape).requires_grad_() for shape in ((7, 5, 6), (4, 6), (4,)))
    y = F.linear(x, w, b).exp() @ draw(4, 3)
    z = torch.addmm(b, x[0], w.t(), beta=0.5, alpha=2.0).abs().sqrt().log().sum() + y.sum()
    z.backward()
    found = [y, z, x.grad, w.grad, b.grad, torch.ones(3, 0) @ torch.ones(0, 2)]
    m, n, v, p, q = draw(5, 6), draw(6, 4), draw(6), draw(3, 5, 6), draw(3, 6, 4)
    found += [m.mv(v), m.t().mv(draw(5)), v.dot(v), torch.vdot(v, v), m @ v, F.linear(v, m, draw(5))]
    found += [torch.mm(m, n, out=out(0)), torch.mv(m, v, out=out(5)), torch.bmm(p, q, out=out(3, 5, 4))]
    found += [torch.addmv(draw(1), m, v, beta=0.5, alpha=2), draw(5).addmv_(m, v)]
    found += [draw(5, 4).addmm_(m, n, beta=0.1)]
    found += [torch.baddbmm(draw(3, 5, 4), p, q, beta=0.5, alpha=2), draw(3, 5, 4).baddbmm_(p, q)]
    found += [torch.addbmm(draw(5, 4), p, q, alpha=3), draw(5, 4).addbmm_(p, q)]
    found += [torch.baddbmm(torch.full((3, 5, 4), float("nan")), p, q, beta=0)]
    inside = draw(50).tanh() * 0.9
    for name in ("exp", "log", "log10", "sqrt", "tan", "acos", "atan", "erf", "erfc", "erfinv"):
        function, u = getattr(torch, name), inside.abs() if name[:3] in ("log", "sqr") else inside
        found += [function(u), getattr(u.clone(), name + "_")(), function(u, out=out(0))]
        found += [function(torch.tensor([1])), function(u.to(torch.bfloat16)), function(u.to(torch.float32))]
    return found

before = results()
from resnetbk.repro import portable
portable.install()
portable.install()
assert portable.installed()
for a, b in zip(before, results(), strict=True):
    torch.testing.assert_close(a, b)
x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
assert torch.autograd.gradcheck(lambda x: (x @ x.t()).exp().sqrt().log(), x)
assert torch.autograd.gradcheck(lambda x: x @ x[0] + x[0].dot(x[1]) + torch.addmv(x[0, :3], x, x[1]), x)
assert torch.autograd.gradcheck(lambda x: x.tanh().div(2).acos().atan().tan().erf().erfc().erfinv(), x)
assert (torch.ones(2, 2, dtype=torch.int64) @ torch.ones(2, dtype=torch.int64)).tolist() == [2, 2]
for function, dtype in ((torch.mm, torch.float16), (torch.mm, torch.complex64), (torch.exp, torch.complex64)):
    try:
        function(*[torch.ones(2, 2, dtype=dtype)] * (2 if function is torch.mm else 1))
    except RuntimeError as error:
        assert f"covers float32 and float64; found {dtype}" in str(error)
    else:
        raise SystemExit(f"{function} of {dtype} was not refused")

theirs = [result.detach() for result in results()]
portable.uninstall()
assert not portable.installed()
for a, b in zip(before, results(), strict=True):
    assert torch.equal(a, b), "uninstall did not bring torch's own operators back"
torch.ones(2, 2, dtype=torch.float16) @ torch.ones(2, 2, dtype=torch.float16)
portable.uninstall()
portable.install()
for a, b in zip(theirs, results(), strict=True):
    assert torch.equal(a, b), "installed again, they give other bits"
"""


def test_they_agree_with_torch_forward_and_backward():
    run = subprocess.run([sys.executable, "-W", "error", "-c", CHECK], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


BITS = """
import hashlib, json, sys
from resnetbk.repro.levels import enforce, pin_environment
pin_environment(sys.argv[1])
import numpy, torch
enforce(sys.argv[1])
drawn = numpy.random.default_rng(0).standard_normal(20_000)
found = {}
for dtype in (torch.float32, torch.float64):
    x = torch.from_numpy(drawn).to(dtype)
    m, v, b, inside = x[:19_600].view(140, 140), x[:140], x[:18_000].view(5, 60, 60), (x / 20).clamp(-0.99, 0.99)
    results = {"mm": m @ m, "bmm": b @ b, "mv": m @ v, "mv of a transposed": m.t() @ v, "dot": x @ x,
               "addmm": torch.addmm(v, m, m), "addmv": torch.addmv(v, m, v), "baddbmm": torch.baddbmm(b, b, b),
               "addbmm": torch.addbmm(b[0], b, b), "mm.out": torch.mm(m, m, out=torch.empty_like(m)),
               "addmm_": m.clone().addmm_(m, m)}
    for name in ("exp", "tan", "acos", "atan", "erf", "erfc", "erfinv"):
        results[name] = getattr(inside, name)()
    for name in ("log", "log10", "sqrt"):
        results[name] = getattr(x.abs(), name)()
    for name, result in results.items():
        found[f"{name} {dtype}"] = hashlib.sha256(result.contiguous().numpy().tobytes()).hexdigest()
print(json.dumps(found))
"""


def bits(level: str, *launcher: str) -> dict[str, str]:
    command = [*launcher, sys.executable, "-W", "ignore", "-c", BITS, level]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.nightly
@pytest.mark.skipif(not shutil.which("qemu-x86_64"), reason="needs qemu-user to emulate other CPUs")
@pytest.mark.parametrize("cpu", ["Haswell", "EPYC"])
def test_every_operator_has_the_same_bits_on_emulated_cpus(cpu):
    here, there = bits("portable"), bits("portable", "qemu-x86_64", "-cpu", cpu)
    assert [name for name in here if here[name] != there[name]] == []


@pytest.mark.nightly
def test_without_the_level_the_bits_are_others():
    here, there = bits("portable"), bits("machine")
    assert any(here[name] != there[name] for name in here)
