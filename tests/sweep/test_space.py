"""What may be searched: Hydra's grammar in, Optuna's distributions out, and everything else refused at once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from tests.pipeline.project import ROOT

pytest.importorskip("optuna", reason="sweeps need Optuna: pip install -e '.[sweep]'")

from dvc.utils.hydra import apply_overrides
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from resnetbk.errors import UserError
from resnetbk.params import load_params
from resnetbk.sweep.objective import objective_model
from resnetbk.sweep.space import overlaid, parse_space

RATE, HEADS = "train.learning_rate", "models.resnet_bk.heads"


@pytest.fixture(scope="module")
def document() -> dict:
    return YAML(typ="safe", pure=True).load((ROOT / "params.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{HEADS}=4,8", CategoricalDistribution((4, 8))),
        (f"{HEADS}=choice(4,8)", CategoricalDistribution((4, 8))),
        (f"{RATE}=tuned,1e-3", CategoricalDistribution(("tuned", 1e-3))),
        ("models.resnet_bk.mixer=propagator,'diagonal'", CategoricalDistribution(("propagator", "diagonal"))),
        (f"{HEADS}=range(2,10,3)", IntDistribution(2, 8, step=3)),
        ("train.beta1=range(0.5,1,0.25)", CategoricalDistribution((0.5, 0.75))),
        ("train.beta1=interval(0.5,0.9)", FloatDistribution(0.5, 0.9)),
        (f"{HEADS}=int(interval(1,64))", IntDistribution(1, 64)),
        (f"{HEADS}=tag(log,int(interval(1,64)))", IntDistribution(1, 64, log=True)),
        (f"{RATE}=tag(log, interval(1e-4, 1e-2))", FloatDistribution(1e-4, 1e-2, log=True)),
    ],
)
def test_each_form_is_the_distribution_it_says(document: dict, text: str, expected: object):
    space = parse_space([text], document)
    assert list(space.searched.values()) == [expected]
    assert list(space.searched) == [text.split("=")[0]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train.learning_rte=1e-3,3e-3", r"params.yaml has no train.learning_rte; did you mean 'learning_rate'\?"),
        ("trian.learning_rate=1e-3,3e-3", r"no trian.learning_rate; did you mean 'train'\?"),
        ("train.steps.of=1,2", "nothing stands below a value"),
        (f"{RATE}=1e-3,1", "less than 1"),
        (f"{RATE}=interval(0,0.1)", "greater than 0"),
        (f"{RATE}=tag(log,interval(0,0.1))", "low > 0"),
        (f"{HEADS}=interval(1,9)", "valid integer"),
        (f"{HEADS}=interval(9,1)", "low <= high"),
        (f"{HEADS}=range(5,5)", "one or more"),
        (f"{HEADS}=4,many", "valid integer"),
        (f"{HEADS}=4", "nothing to search"),
        ("models.resnet_bk.ffn=choice({kind: none},{kind: dense, ratio: 2})", "a choice is a number"),
        (f"{RATE}=loguniform(1e-4,1e-2)", r"Unknown function 'loguniform'.*tag\(log,interval"),
        (f"{RATE}", "missing EQUAL"),
        (f"+{RATE}=1,2", "changes keys that params.yaml has"),
        ("~train", "changes keys that params.yaml has"),
    ],
)
def test_what_no_trial_could_use_is_refused_at_once(document: dict, text: str, said: str):
    with pytest.raises(UserError, match=said):
        parse_space([text], document)


def test_a_key_that_stands_twice_is_refused(document: dict):
    with pytest.raises(UserError, match="twice"):
        parse_space([f"{HEADS}=4,8", f"{HEADS}=16"], document)


def test_a_trial_is_what_dvc_makes_of_its_overrides(document: dict, tmp_path: Path):
    fixed = ["run.seeds=[0]", "prepare.tokenizer={vocabulary_size: 300}"]
    space = parse_space([*fixed, f"{HEADS}=4,8", "models.resnet_bk.mixer=diagonal,phase"], document)
    chosen = {HEADS: 8, "models.resnet_bk.mixer": "phase"}
    file = tmp_path / "params.yaml"
    shutil.copy(ROOT / "params.yaml", file)
    apply_overrides(file, space.overrides(chosen))
    params = space.params(document, chosen)
    assert params == load_params(file)
    assert (params.run.seeds, params.models["resnet_bk"].heads) == ([0], 8)
    assert (params.prepare.tokenizer.kind, params.prepare.tokenizer.vocabulary_size) == ("bpe", 300)
    assert document["models"]["resnet_bk"]["heads"] != 8, "the document stays as it was"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prepare.tokenizer={kind: bytes}", "vocabulary_size: Extra inputs"),
        ("models.resnet_bk.ffn={kind: dense, ratio: 2}", "'ratio' is not in struct"),
    ],
)
def test_a_mapping_that_dvc_cannot_merge_is_refused(document: dict, text: str, said: str):
    with pytest.raises(UserError, match=said):
        parse_space([f"{HEADS}=4,8", text], document)


def test_keys_that_depend_on_each_other_are_judged_together(document: dict):
    """A sweep may lower `steps` below the warm-up of params.yaml, if the trial lowers that too."""
    space = parse_space(["train.steps=int(interval(20,480))", "train.warmup_steps=2,48"], document)
    assert space.params(document, {"train.steps": 20, "train.warmup_steps": 2}).train.steps == 20
    with pytest.raises(UserError, match="warmup_steps"):
        space.params(document, {"train.steps": 20, "train.warmup_steps": 48})


def test_the_model_whose_loss_counts_follows_from_the_keys_or_is_asked_for(document: dict):
    params = parse_space([f"{HEADS}=4,8"], document).params(document, {})
    assert objective_model([HEADS, RATE], params, None) == "resnet_bk"
    assert objective_model([RATE], params, "mamba") == "mamba"
    with pytest.raises(UserError, match="Add --model, one of"):
        objective_model([RATE], params, None)
    with pytest.raises(UserError, match="did you mean 'mamba'"):
        objective_model([RATE], params, "mambo")


def test_overlaying_leaves_siblings_alone():
    assert overlaid({"a": {"b": 1, "c": 2}, "d": 3}, {"a.b": 5}) == {"a": {"b": 5, "c": 2}, "d": 3}
