"""The recorder watches any tree that offers what its docstring names: here one of four files."""

import json
import subprocess
import sys

import pytest

from resnetbk.replay.bisect import RECORDER, first_parting

TREE = {
    "src/resnetbk/__init__.py": "",
    "src/resnetbk/params.py": (
        "from types import SimpleNamespace\n"
        "def load_params(): return SimpleNamespace(run=SimpleNamespace(determinism='machine'))\n"
    ),
    "src/resnetbk/repro/__init__.py": "",
    "src/resnetbk/repro/levels.py": (
        "import sys\ndef pin_environment(level): assert level == 'machine' and 'torch' not in sys.modules\n"
    ),
    "stages/__init__.py": "",
    "stages/train.py": """
import sys, torch
from torch import nn

assert sys.argv[1:] == ["--model", "tiny", "--seed", "0"]
torch.manual_seed(0)


class Same(torch.autograd.Function):
    factor = 1.0

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return gradient * Same.factor


class Pair(nn.Module):
    shift = 0.0

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 2)

    def forward(self, x):
        return self.second(Same.apply(self.first(x)).tanh() + self.shift)


model = Pair()
INITIALLY
optimiser = torch.optim.AdamW(model.parameters())
for step in range(1, 7):
    with torch.no_grad():
        model(torch.zeros(1, 4))  # a validation
    optimiser.zero_grad()
    for part in range(2):
        x = torch.randn(3, 4)
        AT_STEP
        model(x).square().mean().backward()
    optimiser.step()
""",
}
CHANGES = {
    "input": ("", "if step == 3: x[0, 0] += 1e-6", 3, "input", "input of Pair"),
    "forward": ("", "model.shift = 1e-6 * (step == 4)", 4, "forward", "output of second"),
    "backward": ("", "Same.factor = 1 + 1e-6 * (step == 2)", 2, "backward", "gradient of the output of first"),
    "optimiser": (
        "",
        "optimiser.param_groups[0]['weight_decay'] = 0.01 + (step == 5) * 1e-2",
        5,
        "optimiser",
        "weights first.weight after the step",
    ),
    "initial weights": (
        "model.second.bias.data[1] += 1e-7",
        "",
        0,
        "initialisation",
        "initial weights second.bias",
    ),
}


def recording(folder, *, initially="", at_step="", until, detail):
    """Train the tree, changed as asked, under watch; return the hashes of its states."""
    out = folder / "out"
    out.mkdir(parents=True)
    for name, text in TREE.items():
        path = folder / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("INITIALLY", initially).replace("AT_STEP", at_step))
    command = [sys.executable, "-P", RECORDER, out, str(until), str(detail), "--model", "tiny", "--seed", "0"]
    subprocess.run(command, cwd=folder / "tree", env={"PYTHONPATH": "src", "OMP_NUM_THREADS": "1"}, check=True)
    return out, [line.split() for line in (out / "steps").read_text().splitlines()]


@pytest.mark.parametrize(
    "kind", [kind if kind == "backward" else pytest.param(kind, marks=pytest.mark.nightly) for kind in CHANGES]
)
def test_a_planted_change_is_found_where_it_is(tmp_path, kind):
    initially, at_step, step, direction, tensor = CHANGES[kind]
    until = max(step, 1)
    one, hashes = recording(tmp_path / "A", until=until, detail=step)
    two, others = recording(tmp_path / "B", initially=initially, at_step=at_step, until=until, detail=step)
    expected = [str(number) for number in range(until + 1)] if step else ["0"]
    assert [number for number, _ in hashes] == expected
    assert [a == b for a, b in zip(hashes, others, strict=True)] == [True] * step + [False]
    parting = first_parting(one, two, step)
    assert (parting.step, parting.direction, parting.tensor.split(" = ")[0]) == (step, direction, tensor)
    assert "in the last place" in parting.distance


def test_every_tensor_of_the_step_is_recorded_in_order_and_no_other(tmp_path):
    out, hashes = recording(tmp_path, until=6, detail=2)
    assert len(hashes) == 7
    events = [event["what"] for event in json.loads((out / "events.json").read_text())]
    assert events[:4] == ["input of Pair", "output of first", "output of second", "output of Pair"]
    assert events.count("input of Pair") == 2, "two batches, and no validation"
    assert events.index("gradient of the output of second") < events.index("gradient of the output of first")
    assert events.count("gradient of parameter first.weight") == 2
    assert events[-1] == "weights second.bias after the step"
    assert "exp_avg_sq of first.weight" in events
