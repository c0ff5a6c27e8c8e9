"""What is no preset is refused, with the file and the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnetbk.errors import UserError
from resnetbk.presets import list_presets, load, preset_names, show, use

ABOUT = "about: {question: Why?, core_hours: 1.0, memory_gib: 1.0, hardware: any}\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ABOUT + "extend: null\nparams: {}", r"line 2: unknown key extend; did you mean 'extends'\?"),
        (ABOUT + "extends: null\n", "params is missing"),
        (ABOUT.replace("question", "asks") + "extends: null\nparams: {}", "line 1: unknown key about.asks"),
        (ABOUT.replace("core_hours: 1.0, ", "") + "extends: null\nparams: {}", "about.core_hours is missing"),
        (ABOUT.replace("core_hours: 1.0", "core_hours: soon") + "extends: null\nparams: {}", "; found 'soon'"),
        (
            ABOUT.replace("core_hours: 1.0", "core_hours: 0") + "extends: null\nparams: {}",
            "greater than 0; found 0",
        ),
        ("about: Why?\nextends: null\nparams: {}", "line 1: about: .*; found 'Why"),
        (ABOUT + "extends: [moe]\nparams: {}", "line 2: extends: Input should be a valid string"),
        (ABOUT + "extends: moo\nparams: {}", r"moo\.yaml: no such preset; did you mean 'moe'\?"),
        (ABOUT + "extends: null\nparams: 3", "line 3: params: Input should be a valid dictionary; found 3"),
        (ABOUT + "extends: null\nparams: {}\nsweep: {run.seeds: 3}", "line 4: sweep.run.seeds: .*; found 3"),
        ("- a list", "expected a mapping"),
        ("a: {b", "not valid YAML"),
    ],
)
def test_what_is_no_preset(text: str, says: str, root: Path):
    (root / "presets/broken.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=says):
        use("broken", root / "params.yaml", root / "presets")


def test_an_unknown_preset_names_the_nearest(root: Path):
    for function in (show, lambda name, _: use(name, root / "params.yaml", root / "presets")):
        with pytest.raises(UserError, match=r"basline\.yaml: no such preset; did you mean 'baseline'\?"):
            function("basline", root / "presets")


@pytest.mark.parametrize(("parent", "circle"), [("own", "own -> own"), ("other", "own -> other -> own")])
def test_a_preset_that_extends_itself(parent: str, circle: str, write, root: Path):
    write("own", "  train: {steps: 700}", extends=parent)
    write("other", "  train: {steps: 800}", extends="own")
    with pytest.raises(UserError, match=f"extends goes round in a circle, {circle}"):
        use("own", root / "params.yaml", root / "presets")


def test_a_wrong_directory(tmp_path: Path, root: Path):
    with pytest.raises(UserError, match="no presets there; run from the repository's root"):
        list_presets(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"none\.yaml: not found; run from the repository's root"):
        use("moe", root / "none.yaml", root / "presets")


def test_every_preset_rests_on_base_and_states_what_it_takes(pytestconfig):
    directory = pytestconfig.rootpath / "presets"
    names = preset_names(directory)
    asked = "base long_context quantization efficiency mamba_comparison ablation scaling colab gpu".split()
    assert {*asked, "baseline", "propagator", "moe", "full", "battery"} <= {*names}
    for name in names:
        chain = load(name, directory)
        assert chain[0].name == "base"
        assert chain[-1].about.question.endswith("?")
