"""`list`, `show` and `diff`; and `use`, which changes the keys that a preset names and no other byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from resnetbk.presets import diff, list_presets, load, preset_names, show, use

DIRECTORY = Path(__file__).parents[2] / "presets"


def test_the_list_has_every_question_and_what_it_takes():
    head, *lines = list_presets(DIRECTORY).splitlines()
    assert head.split() == ["preset", "core", "hours", "GiB", "question"]
    assert [line.split()[0] for line in lines] == preset_names(DIRECTORY)
    for line in lines:
        about = load(line.split()[0], DIRECTORY)[-1].about
        assert line.split()[1:3] == [f"{about.core_hours:g}", f"{about.memory_gib:g}"]
        assert line.endswith(f"  {about.question}")


def test_show_resolves_what_a_preset_extends():
    text = show("full", DIRECTORY)
    assert "# extends moe, which extends propagator, which extends base\n" in text
    for stated in ("core hours", "GiB", "hardware: any x86-64"):
        assert stated in text
    overlay = YAML(typ="safe", pure=True).load(text)["models"]["resnet_bk"]
    assert overlay["mixer"] == "propagator"
    assert (overlay["ffn"]["experts"], overlay["ffn"]["router"]) == (4, "scattering")
    assert [preset.name for preset in load("full", DIRECTORY)] == ["base", "propagator", "moe", "full"]


def test_diff_says_what_changes(root: Path):
    file = root / "params.yaml"
    before = file.read_bytes()
    assert diff("base", "quantization", file, DIRECTORY).splitlines() == [
        "base -> quantization",
        "  battery.quantise_models: [] -> [resnet_bk, exponential_gate, mamba, transformer]",
        "  quantise.batches: 32 -> 80",
    ]
    assert diff("base", None, file, DIRECTORY) == f"{file} and base are the same"
    ablation = diff("ablation", "base", file, DIRECTORY)
    assert "  models.heads_8: removed" in ablation
    assert "  models.heads_8: new, {family: resnet_bk," in diff("ablation", None, file, DIRECTORY)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "names",
    [["long_context", "ablation", "gpu"], pytest.param(preset_names(DIRECTORY), marks=pytest.mark.nightly)],
)
def test_base_after_any_preset_gives_back_every_byte(names: list[str], root: Path):
    file = root / "params.yaml"
    before = file.read_text(encoding="utf-8")
    for name in names:
        use(name, file, root / "presets")
        assert (file.read_text(encoding="utf-8") == before) == (name in ("base", "propagator"))
    use("base", file, root / "presets")
    assert file.read_text(encoding="utf-8") == before


def test_use_changes_only_what_it_names(root: Path):
    file = root / "params.yaml"
    before = file.read_text(encoding="utf-8").splitlines()
    message = use("full", file, DIRECTORY)
    after = file.read_text(encoding="utf-8").splitlines()
    assert len(before) == len(after)
    changed = [new.split(":")[0].strip() for old, new in zip(before, after, strict=True) if old != new]
    assert changed == ["energies", "ffn", "energies", "ffn"]
    assert [line.split(":")[0].strip() for line in message.splitlines()[1:]] == [
        f"models.{model}.{key}" for model in ("resnet_bk", "exponential_gate") for key in ("energies", "ffn")
    ]
    assert "already" in use("full", file, DIRECTORY)


def test_a_sweep_says_how_to_run_it(root: Path):
    command = (
        "dvc exp run --queue -S run.parameter_budget=250000,500000,1000000,2000000,4000000 && dvc queue start"
    )
    assert command in use("scaling", root / "params.yaml", DIRECTORY).splitlines()[-1]
    assert command in show("scaling", DIRECTORY)
    assert "dvc exp run" not in show("base", DIRECTORY)
