import sys
import types
from pathlib import Path

import pytest
import torch
from torch import nn

from resnetbk.audit.runner import AuditError, audit_model
from resnetbk.errors import UserError
from resnetbk.models import mixers
from resnetbk.params import load_params
from resnetbk.repro.files import sha256_file

ROOT = Path(__file__).parents[2]


class RunningSum(nn.Module):
    """The least that a mixer can be."""

    causal = True

    def __init__(self, width, config):
        super().__init__()
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, u_BNE):
        return self.scale * u_BNE.cumsum(1)

    def state_size(self):
        return 4 * len(self.scale)


class LeakingSum(RunningSum):
    def forward(self, u_BNE):
        return self.scale * (u_BNE.cumsum(1) + 1e-3 * u_BNE.mean(1, keepdim=True))


class DeadSum(RunningSum):
    def forward(self, u_BNE):
        return self.scale.detach() * u_BNE.cumsum(1)


@pytest.fixture
def params():
    """One layer with a mixer of the tests, everything else as small as it goes."""
    params = load_params(ROOT / "params.yaml")
    config = params.models["resnet_bk"].model_copy(update={"layers": 1, "heads": 2, "mixer": "summing"})
    return params.model_copy(
        update={
            "run": params.run.model_copy(update={"parameter_budget": 8000}),
            "models": {"small": config},
            "audit": params.audit.model_copy(update={"length": 24, "batch_size": 2, "seed": 0}),
        }
    )


@pytest.fixture
def use_mixer(monkeypatch, tmp_path):
    """Return a function that makes a class the mixer `summing` of the registry."""

    def use(mixer: type[nn.Module]) -> None:
        (tmp_path / "summing.py").touch()
        monkeypatch.setattr(mixers, "__path__", [*mixers.__path__, str(tmp_path)])
        module = types.ModuleType("resnetbk.models.mixers.summing")
        module.Mixer = mixer
        monkeypatch.setitem(sys.modules, module.__name__, module)

    return use


def test_report_of_a_sound_model(params, use_mixer, write_corpus, documents, tmp_path):
    use_mixer(RunningSum)
    corpus = write_corpus(tmp_path / "corpus", documents)
    report = audit_model(params, "small", corpus)
    assert list(report) == ["model", "passed", "checks", "parameters", "code"]
    assert report["passed"] and all(check["passed"] for check in report["checks"].values())
    assert set(report["checks"]) == {
        "causality",
        "causality_gradient",
        "alignment",
        "normalisation",
        "split_leakage",
        "live_gradients",
    }
    assert report["parameters"]["total"] == pytest.approx(8000, rel=0.01)
    for file in ("models/__init__.py", "models/registry.py", "models/mixers/__init__.py"):
        assert report["code"][f"src/resnetbk/{file}"] == sha256_file(ROOT / "src/resnetbk" / file)
    assert not [file for file in report["code"] if "/audit/" in file]
    assert report == audit_model(params, "small", corpus)


def test_leaking_model_is_named_with_position_and_size(params, use_mixer, write_corpus, documents, tmp_path):
    use_mixer(LeakingSum)
    with pytest.raises(AuditError) as error:
        audit_model(params, "small", write_corpus(tmp_path / "corpus", documents))
    message = str(error.value)
    assert "model 'small' fails 2 of 6 audits" in message
    assert "causality: logits at position 0 see at least 23 token(s) ahead" in message
    assert "largest change of a logit is" in message
    assert "causality_gradient: " in message
    assert "dvc repro audit@small" in message


def test_dead_parameter_is_named(params, use_mixer, write_corpus, documents, tmp_path):
    use_mixer(DeadSum)
    with pytest.raises(AuditError, match=r"live_gradients: 1 of \d+ parameters get no gradient: \S*scale"):
        audit_model(params, "small", write_corpus(tmp_path / "corpus", documents))


def test_copied_test_document_is_named(params, use_mixer, write_corpus, documents, tmp_path):
    use_mixer(RunningSum)
    documents["train"].append(documents["test"][0])
    with pytest.raises(UserError, match=r"split_leakage: .*document 0 of test .* is document 6 of train"):
        audit_model(params, "small", write_corpus(tmp_path / "corpus", documents))
