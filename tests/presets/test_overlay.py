"""A preset means the same after any other, `base` undoes them all, and parameters tell which they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnetbk.errors import UserError
from resnetbk.params import Params, load_params
from resnetbk.presets import load, matching, overlaid, preset_names, use
from resnetbk.presets.files import read_mapping
from resnetbk.presets.overlay import points

REPOSITORY = Path(__file__).parents[2]
NAMES = preset_names(REPOSITORY / "presets")
DEFAULT, _ = read_mapping(REPOSITORY / "params.yaml")


def test_base_is_the_default_and_undoes_every_other():
    base = load("base", REPOSITORY / "presets")
    for name in NAMES:
        changed = overlaid(DEFAULT, load(name, REPOSITORY / "presets"))
        assert (changed == DEFAULT) == (name in ("base", "propagator"))
        assert overlaid(changed, base) == DEFAULT, f"{name} changes what presets/base.yaml does not name"


def test_base_names_all_that_decides_what_is_trained():
    named = load("base", REPOSITORY / "presets")[0].params
    for section in ("run", "prepare", "tune", "train", "evaluate", "battery"):
        assert named[section].keys() == DEFAULT[section].keys()
    for model in DEFAULT["run"]["models"]:
        assert named["models"][model].keys() == DEFAULT["models"][model].keys()


def test_what_base_does_not_name_is_not_undone(write, root: Path):
    write("faster", "  plot: {curve_smoothing: 3}", extends="base")
    changed = overlaid(DEFAULT, load("faster", root / "presets"))
    assert overlaid(changed, load("base", root / "presets")) != DEFAULT


def test_a_null_removes_a_model_and_leaves_the_users_own():
    mine = {**DEFAULT, "models": {**DEFAULT["models"], "mine": DEFAULT["models"]["mamba"]}}
    ablated = overlaid(mine, load("ablation", REPOSITORY / "presets"))
    assert {"heads_8", "mine"} <= ablated["models"].keys()
    assert overlaid(ablated, load("base", REPOSITORY / "presets")) == mine


def test_parameters_tell_which_preset_they_are():
    for name in NAMES:
        chain = load(name, REPOSITORY / "presets")
        for point in points(chain, overlaid(DEFAULT, chain)):
            expected = "base" if name == "propagator" else name  # the two say the same; base comes first
            assert matching(Params.model_validate(point), REPOSITORY / "presets") == expected


def test_other_parameters_are_no_preset(tmp_path: Path):
    committed = load_params(REPOSITORY / "params.yaml")
    assert matching(committed, tmp_path / "elsewhere") is None
    for section, key, value in (
        ("run", "parameter_budget", 500_001),
        ("train", "beta1", 0.8),
        ("models", "mamba", {**DEFAULT["models"]["mamba"], "state_size": 8}),
    ):
        document = committed.model_dump()
        document[section][key] = value
        assert matching(Params.model_validate(document), REPOSITORY / "presets") is None
    document = committed.model_dump()
    document["plot"]["curve_smoothing"] = 7  # nothing that a preset speaks of
    assert matching(Params.model_validate(document), REPOSITORY / "presets") == "base"


def test_an_ablation_row_differs_from_the_block_in_what_it_is_named_for():
    chain = load("ablation", REPOSITORY / "presets")
    params = Params.model_validate(overlaid(DEFAULT, chain))
    block, differs = params.models["resnet_bk"].model_dump(), {}
    for name in params.run.models:
        row = params.models[name].model_dump()
        differs[name] = {key for key in block if row.get(key) != block[key]}
    assert differs.pop("resnet_bk") == set()
    assert differs.pop("mamba") >= {"family"}
    assert differs.pop("scattering") == {"mixer", "eta"}
    assert all(len(keys) == 1 for keys in differs.values()), differs
    assert {key for keys in differs.values() for key in keys} == {
        *("mixer", "heads", "energies", "eta", "convolution", "ffn", "hybrid_gradient")
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_control_differs_from_the_model_in_its_mixer_alone(name: str):
    models = Params.model_validate(overlaid(DEFAULT, load(name, REPOSITORY / "presets"))).models
    model, control = (models[key].model_dump() for key in ("resnet_bk", "exponential_gate"))
    assert control["mixer"] == "exponential"
    assert control["ffn"].pop("router", None) in (None, "linear")  # it has no resolvent to route by
    model["ffn"].pop("router", None)
    assert {**control, "mixer": model["mixer"]} == model


@pytest.mark.parametrize(
    ("params", "line", "says"),
    [
        ("  models: {resnet_bk: {layerz: 3}}", 4, "unknown key models.resnet_bk.layerz; did you mean 'layers'?"),
        (
            "  models:\n    resnet_bk:\n      layers: -3",
            6,
            "models.resnet_bk.layers: Input should be greater than 0",
        ),
        ("  trian: {steps: 3}", 4, "unknown key trian; did you mean 'train'?"),
        ("  models:\n    resnet_bk:\n      ffn: {kind: dense}", 6, "models.resnet_bk.ffn.ratio is missing"),
        ("  run: {models: [mambo]}", 1, "run.models names 'mambo'"),
        (
            "  models:\n    a: &a {family: mamba, layers: 1, state_size: 0, convolution: 4, expand: 2}\n"
            "    b: {<<: *a, state_size: 4}\n    c: {<<: *a}",
            7,
            "models.c.state_size: Input should be greater than 0; found 0",
        ),
    ],
)
def test_a_fault_is_named_where_it_is_written(params: str, line: int, says: str, write, root: Path):
    write("faulty", params)
    write("child", "  train: {steps: 700}", extends="faulty")
    file = root / "params.yaml"
    before = file.read_bytes()
    for name, place in (("faulty", "faulty"), ("child", "child" if line == 1 else "faulty")):
        with pytest.raises(UserError) as caught:
            use(name, file, root / "presets")
        assert f"{root / 'presets' / place}.yaml, line {line}: " in str(caught.value)
        assert says in str(caught.value)
    assert file.read_bytes() == before
    assert sorted(path.name for path in root.iterdir()) == ["metrics", "params.yaml", "presets"]


@pytest.mark.parametrize(
    ("sweep", "says"),
    [
        (
            "run.parameter_budgit: [1000]",
            "line 6: unknown key run.parameter_budgit; did you mean 'parameter_budget'?",
        ),
        ("train.steps: [960, never]", "line 6: train.steps: Input should be a valid integer"),
        ("train.steps: [10]", "line 6: train: warmup_steps (48) must stay below steps (10)"),
    ],
)
def test_a_fault_of_a_sweep_is_named_where_it_is_written(sweep: str, says: str, write, root: Path):
    write("faulty", "  {}", extends="base", more=f"sweep:\n  {sweep}\n")
    with pytest.raises(UserError) as caught:
        use("faulty", root / "params.yaml", root / "presets")
    assert str(caught.value).startswith(str(root / "presets/faulty.yaml"))
    assert says in str(caught.value)


def test_a_fault_of_params_yaml_is_named_there(root: Path):
    file = root / "params.yaml"
    text = file.read_text(encoding="utf-8").replace("  steps: 480", "  steps: 480.5")
    text = text.replace("  window: 10", "  window: never").replace("factor: 3.0", "factor: never")
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"params\.yaml, line \d+: context\.gradient_spikes\.factor: .*; found"):
        use("moe", file, root / "presets")
    assert file.read_text(encoding="utf-8") == text
