"""Presets build and train; `use` changes the keys that they name and no other byte of params.yaml."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest
import torch
from ruamel.yaml import YAML

from resnetbk.errors import UserError
from resnetbk.models.registry import build_model, count_parameters
from resnetbk.params import load_params
from resnetbk.presets import list_presets, load, overlaid, show, use
from resnetbk.training.loss import next_token_loss
from resnetbk.training.optimiser import build_optimiser

ROOT = Path(__file__).parents[1]
PRESETS = ROOT / "presets"
NAMES = sorted(path.stem for path in PRESETS.glob("*.yaml"))


@pytest.fixture
def params_file(tmp_path: Path) -> Path:
    return Path(shutil.copy(ROOT / "params.yaml", tmp_path))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PRESETS, tmp_path / "presets"))


def write(directory: Path, name: str, params: str, extends: str = "null") -> None:
    text = f"about: {{question: Why?}}\nextends: {extends}\nparams:\n{params}"
    (directory / f"{name}.yaml").write_text(text, encoding="utf-8")


def read(path: Path) -> dict:
    return YAML(typ="safe", pure=True).load(path)


def test_the_four_are_there():
    assert {"baseline", "propagator", "moe", "full"} <= set(NAMES)


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_valid_and_its_models_train(name: str, params_file: Path, one_thread):
    use(name, params_file, PRESETS)
    params = load_params(params_file)
    budget, vocabulary = params.run.parameter_budget, params.prepare.tokenizer.vocabulary_size
    tokens_BL = torch.randint(vocabulary, (2, 65), generator=torch.Generator().manual_seed(0))
    for model_name in ("resnet_bk", "exponential_gate"):
        model = build_model(params.models[model_name], vocabulary, budget, seed=0)
        assert abs(count_parameters(model)["total"] - budget) <= 0.01 * budget
        optimiser = build_optimiser(model, weight_decay=0.1, beta1=0.9, beta2=0.95)
        for group in optimiser.param_groups:
            group["lr"] = params.tune.learning_rates[0]
        losses = []
        for _ in range(2):
            loss = next_token_loss(model(tokens_BL[:, :-1]), tokens_BL[:, 1:])
            losses.append(loss.item())
            (loss + model.auxiliary_loss()).backward()
            assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
            optimiser.step()
        assert losses[1] < losses[0]


@pytest.mark.parametrize("name", NAMES)
def test_the_control_differs_from_the_model_in_its_mixer_alone(name: str, params_file: Path):
    use(name, params_file, PRESETS)
    models = load_params(params_file).models
    model, control = (models[key].model_dump() for key in ("resnet_bk", "exponential_gate"))
    assert control["mixer"] == "exponential"
    assert control["ffn"].pop("router", None) in (None, "linear")  # it has no resolvent to route by
    model["ffn"].pop("router", None)
    assert {**control, "mixer": model["mixer"]} == model


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(NAMES, 2)))
def test_a_preset_means_the_same_after_any_other(first: str, second: str):
    params = read(ROOT / "params.yaml")
    first, second = load(first, PRESETS), load(second, PRESETS)
    assert overlaid(overlaid(params, first), second) == overlaid(params, second)


def test_use_changes_only_what_it_names(params_file: Path):
    before = params_file.read_text(encoding="utf-8").splitlines()
    message = use("full", params_file, PRESETS)
    after = params_file.read_text(encoding="utf-8").splitlines()
    assert len(before) == len(after)
    changed = [new.split(":")[0].strip() for old, new in zip(before, after, strict=True) if old != new]
    assert changed == ["energies", "ffn", "energies", "ffn"]
    assert [line.split(":")[0].strip() for line in message.splitlines()[1:]] == [
        f"models.{model}.{key}" for model in ("resnet_bk", "exponential_gate") for key in ("energies", "ffn")
    ]
    assert "already" in use("full", params_file, PRESETS)
    use("propagator", params_file, PRESETS)
    assert params_file.read_text(encoding="utf-8").splitlines() == before


def test_show_resolves_what_a_preset_extends():
    text = show("full", PRESETS)
    assert "extends moe, which extends propagator" in text
    overlay = YAML(typ="safe", pure=True).load(text)["models"]["resnet_bk"]
    assert overlay["mixer"] == "propagator"
    assert (overlay["ffn"]["experts"], overlay["ffn"]["router"]) == (4, "scattering")
    assert [preset.path.stem for preset in load("full", PRESETS)] == ["propagator", "moe", "full"]


def test_the_list_has_every_question():
    lines = list_presets(PRESETS).splitlines()
    assert [line.split()[0] for line in lines] == NAMES
    assert all(line.endswith("?") for line in lines)


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
    ],
)
def test_a_fault_is_named_where_it_is_written(
    params: str, line: int, says: str, params_file: Path, directory: Path
):
    write(directory, "faulty", params)
    write(directory, "child", "  train: {steps: 700}", extends="faulty")
    before = params_file.read_bytes()
    for name, path in (("faulty", "faulty"), ("child", "child" if line == 1 else "faulty")):
        with pytest.raises(UserError) as caught:
            use(name, params_file, directory)
        assert str(caught.value).startswith(f"{directory / path}.yaml, line {line}: ")
        assert says in str(caught.value)
    assert params_file.read_bytes() == before
    assert sorted(path.name for path in params_file.parent.iterdir()) == ["params.yaml", "presets"]


def test_a_fault_of_params_yaml_is_named_there(params_file: Path):
    text = params_file.read_text(encoding="utf-8").replace("  steps: 480", "  steps: never")
    params_file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"params\.yaml, line \d+: train\.steps: .*; found 'never'"):
        use("moe", params_file, PRESETS)
    assert params_file.read_text(encoding="utf-8") == text


def test_an_unknown_preset_names_the_nearest(params_file: Path):
    for function in (show, lambda name, _: use(name, params_file, PRESETS)):
        with pytest.raises(UserError, match=r"basline\.yaml: no such preset; did you mean 'baseline'\?"):
            function("basline", PRESETS)


@pytest.mark.parametrize(("parent", "circle"), [("own", "own -> own"), ("other", "own -> other -> own")])
def test_a_preset_that_extends_itself(parent: str, circle: str, params_file: Path, directory: Path):
    write(directory, "own", "  train: {steps: 700}", extends=parent)
    write(directory, "other", "  train: {steps: 800}", extends="own")
    with pytest.raises(UserError, match=f"extends goes round in a circle, {circle}"):
        use("own", params_file, directory)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "about: {question: Why?}\nextend: null\nparams: {}",
            r"line 2: unknown key extend; did you mean 'extends'\?",
        ),
        ("about: {question: Why?}\nextends: null\n", "params .what it changes. is missing"),
        ("about: Why?\nextends: null\nparams: {}", "expected {question: one sentence}; found 'Why"),
        ("about: {question: Why?}\nextends: [moe]\nparams: {}", "expected the name of a preset or null; found"),
        ("about: {question: Why?}\nextends: moo\nparams: {}", r"moo\.yaml: no such preset; did you mean 'moe'\?"),
        ("about: {question: Why?}\nextends: null\nparams: 3", "expected sections of params.yaml; found 3"),
        ("- a list", "expected a mapping"),
        ("a: {b", "not valid YAML"),
    ],
)
def test_what_is_no_preset(text: str, says: str, directory: Path, params_file: Path):
    (directory / "broken.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=says):
        use("broken", params_file, directory)


def test_a_wrong_directory(tmp_path: Path, params_file: Path):
    with pytest.raises(UserError, match="no presets there; run from the repository's root"):
        list_presets(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"none\.yaml: not found; run from the repository's root"):
        use("moe", tmp_path / "none.yaml", PRESETS)
