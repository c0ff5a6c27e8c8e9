"""A stage sees the parameters that dvc.yaml declares for it, and no other."""

from __future__ import annotations

import pytest
from tests.pipeline.project import ROOT

from resnetbk.errors import UserError
from resnetbk.params import Params, load_params
from resnetbk.stage.declaration import Declaration
from resnetbk.stage.params import DeclaredParams, declared_params


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(ROOT / "params.yaml")


def narrowed(params: Params, *names: str, outs: tuple[str, ...] = ("out",)) -> Params | DeclaredParams:
    return declared_params(params, Declaration("train", "dvc.yaml", (), names, outs))


def test_what_is_declared_comes_out_as_it_is(params: Params):
    seen = narrowed(params, "train", "run.kernels", "models.mamba")
    assert seen.train is params.train
    assert seen.run.kernels == params.run.kernels
    assert seen.models["mamba"] is params.models["mamba"]


@pytest.mark.parametrize(
    ("read", "named"),
    [
        (lambda params: params.evaluate, "evaluate"),
        (lambda params: params.run.seeds, "run.seeds"),
        (lambda params: params.models["resnet_bk"], "models.resnet_bk"),
        (lambda params: params.model_dump(), "model_dump"),
    ],
)
def test_what_is_not_declared_is_refused_by_name(params: Params, read, named: str):
    seen = narrowed(params, "train", "run.kernels", "models.mamba")
    with pytest.raises(UserError, match=rf"^it reads {named} of params.yaml, which dvc.yaml does not declare"):
        read(seen)


def test_a_missing_key_is_an_error_of_the_program(params: Params):
    with pytest.raises(AttributeError):
        _ = narrowed(params, "train").trian
    with pytest.raises(KeyError):
        _ = narrowed(params, "models.mamba").models["mambo"]


def test_all_sections_or_no_outs_give_the_whole(params: Params):
    assert narrowed(params, *Params.model_fields) is params
    assert narrowed(params, outs=()) is params
