"""What the checks that read code see, and what they leave alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnetbk.repro.validation.load_order import level_before_numpy_and_torch
from resnetbk.repro.validation.project import Project
from resnetbk.repro.validation.random_calls import unseeded_draws
from resnetbk.repro.validation.reproducibility_tests import bits_compared, difference_possible
from resnetbk.repro.validation.seed_flow import seed_reaches_a_generator

DVC = """
stages:
  train:
    matrix: {number: "${run.seeds}"}
    cmd: python -m stages.train --seed ${item.number}
"""


def write(root: Path, **files: str) -> Project:
    """Write files, with `__` for `/` in their names, as Python unless they have a suffix."""
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ("" if "." in name else ".py"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Project(root)


@pytest.mark.parametrize(
    "code",
    [
        "import numpy as np\ndef f(seed):\n    np.random.seed(seed)\n    np.random.rand(3)",
        "import random\ndef f(rows):\n    random.shuffle(rows)\ndef main(seed):\n    random.seed(seed)\n    f([])",
        "import torch\ndef f(g):\n    torch.rand(3, generator=g)",
        "from torch import nn\nclass A(nn.Module):\n    def __init__(self):\n        nn.init.normal_(self.weight)",
        "import torch\nfrom resnetbk.repro.seeding import SeedContext\ndef f():\n    with SeedContext(0):\n"
        "        torch.rand(3)",
        "import torch\nfrom resnetbk.repro import set_global_seed as s\ndef f():\n    s(0)\n    torch.rand(3)",
        "import numpy as np\ndef f(seed):\n    return np.random.default_rng(seed).normal()",
        "def f(random):\n    return random.random()",
        "import random\ndef f(state):\n    random.Random().setstate(state)",
    ],
)
def test_a_draw_that_follows_a_seed_is_left_alone(tmp_path: Path, code: str):
    assert unseeded_draws(write(tmp_path, src__a__b=code)) == []


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("import numpy as np\ndef f(seed):\n    np.random.rand(3)\n    np.random.seed(seed)", 3),
        (
            "import random\ndef f():\n    random.random()\ndef a():\n    random.seed(0)\n    f()\ndef b():\n"
            "    f()",
            3,
        ),
        ("import numpy as np\nimport torch\ndef f(seed):\n    torch.manual_seed(seed)\n    np.random.rand(3)", 5),
        ("from torch import randn as r\nx = r(3)", 2),
        ("import torch.utils.data as d\ndef f(rows):\n    return d.DataLoader(rows, shuffle=True)", 3),
        ("import torch\ndef f(x):\n    x.normal_()", 3),
        ("import numpy\ndef f():\n    return numpy.random.Generator(numpy.random.PCG64())", 3),
        ("import numpy\ndef f():\n    return numpy.random.default_rng(None)", 3),
        ("import random\ndef f():\n    return random.SystemRandom()", 3),
    ],
)
def test_a_draw_without_a_seed_is_found_with_its_line(tmp_path: Path, code: str, line: int):
    problems = unseeded_draws(write(tmp_path, src__a__b=code))
    assert len(problems) == 1
    assert problems[0].startswith(f"src/a/b.py:{line}: ")


@pytest.mark.parametrize(
    "files",
    [
        {"stages__train": "import torch\ndef main(params):\n    torch.manual_seed(params['seed'])"},
        {"stages__train": "import torch\ndef main(params):\n    s = int(params.seed)\n    torch.manual_seed(s)"},
        {
            "stages__train": "from a.b import run\ndef main(params, *, model, seed):\n    run(model, number=seed)",
            "src__a__b": "import numpy as np\ndef run(model, number):\n    for n in (number, 1):\n"
            "        np.random.default_rng(n)",
        },
        {
            "src__a__b": "import numpy as np\nclass A:\n    def __init__(self, n):\n        self.first = n\n"
            "    def draw(self):\n        return np.random.default_rng(self.first)\n"
            "def main(params):\n    A(params.seed)"
        },
    ],
    ids=["subscript", "attribute", "an option of the command line", "an object"],
)
def test_a_seed_is_followed_to_its_generator(tmp_path: Path, files: dict[str, str]):
    described = {"params.yaml": "seed: 0\nrun: {seeds: [0, 1]}\n", "dvc.yaml": DVC}
    assert seed_reaches_a_generator(write(tmp_path, **files, **described)) == []


@pytest.mark.parametrize(
    "code",
    [
        "import torch\ndef main(params):\n    torch.manual_seed(0)",
        "import torch\ndef main(params):\n    print(params.seed)\n    torch.manual_seed(params.steps)",
        "import torch\ndef main(params):\n    rows = load(params.seed)\n    torch.manual_seed(len(rows))",
    ],
    ids=["a constant", "another parameter", "what was made from it"],
)
def test_a_seed_that_arrives_nowhere_is_found(tmp_path: Path, code: str):
    project = write(
        tmp_path, stages__train=code, **{"params.yaml": "seed: 0\nsteps: 3\n", "dvc.yaml": "stages: {}"}
    )
    assert "arrives at no generator" in seed_reaches_a_generator(project)[0]


def test_no_seed_at_all_is_found(tmp_path: Path):
    project = write(tmp_path, stages__train="", **{"params.yaml": "steps: 3\n", "dvc.yaml": "stages: {}"})
    assert "no key is a seed" in seed_reaches_a_generator(project)[0]


PIN = "from resnetbk.repro.levels import pin_environment\n"
STAGE = PIN + "def stage(main):\n    pin_environment('portable')\n    main()\n"


@pytest.mark.parametrize(
    "script",
    [
        PIN
        + "def main():\n    pin_environment('machine')\n    import torch\nif __name__ == '__main__':\n    main()",
        "from a.b import stage\ndef main():\n    import numpy\nstage(main)",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch",
        PIN + "pin_environment('portable')\nimport torch\n",
    ],
)
def test_an_import_after_the_level_is_left_alone(tmp_path: Path, script: str):
    dvc = {"dvc.yaml": "stages:\n  train:\n    cmd: python -m stages.train\n"}
    assert level_before_numpy_and_torch(write(tmp_path, stages__train=script, src__a__b=STAGE, **dvc)) == []


@pytest.mark.parametrize(
    ("script", "place"),
    [
        (
            "import pandas\nfrom a.b import stage\ndef main(): ...\nstage(main)",
            "stages/train.py:1: imports pandas",
        ),
        ("import a.c\nfrom a.b import stage\ndef main(): ...\nstage(main)", "src/a/c.py:1: imports torch"),
        ("def main():\n    import numpy\nmain()", "stages/train.py:2: imports numpy"),
    ],
)
def test_an_import_before_the_level_is_found(tmp_path: Path, script: str, place: str):
    files = {"src__a__b": STAGE, "src__a__c": "from torch import nn"}
    dvc = {"dvc.yaml": "stages:\n  train:\n    cmd: python -m stages.train\n"}
    problems = level_before_numpy_and_torch(write(tmp_path, stages__train=script, **files, **dvc))
    assert [problem.startswith(place) for problem in problems] == [True]


FIXTURE = "import pytest\nfrom a import train\n@pytest.fixture\ndef first():\n    return hash_tensors(train(0))\n"


@pytest.mark.parametrize(
    ("test", "same", "other"),
    [
        ("def test_a():\n    assert sha256(train(0)) == sha256(train(0))", True, False),
        (FIXTURE + "def test_a(first):\n    assert hash_tensors(train(0)) == first", True, False),
        ("def test_a():\n    a, b = train(0), train(0)\n    assert torch.equal(a, b)", True, False),
        ("def test_a():\n    a, b = train(0), train(1)\n    assert not torch.equal(a, b)", False, True),
        ("def run(s):\n    return digest(train(s))\ndef test_a():\n    assert run(0) != run(1)", False, True),
        ("def test_a():\n    a = digest(train(0))\n    assert a == a", False, False),
        ("def test_a():\n    assert train(0) == train(0)", False, False),
        ("def test_a():\n    assert sha256(load(a)) == sha256(load(b))", False, False),
        ("def a():\n    assert sha256(train(0)) == sha256(train(0))", False, False),
    ],
    ids=["twice", "fixture", "equal", "not equal", "helper", "one run", "no bits", "two files", "no test"],
)
def test_a_comparison_of_two_runs_is_told_from_others(tmp_path: Path, test: str, same: bool, other: bool):
    project = write(tmp_path, tests__test_a=test)
    assert (bits_compared(project) == [], difference_possible(project) == []) == (same, other)
