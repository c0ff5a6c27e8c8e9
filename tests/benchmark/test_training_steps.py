"""Both sides of a ratio: Hugging Face's own class, untouched, on the same weights, doing the same work."""

import pytest
import torch
from tests.models.model_configs import BUDGET, VOCABULARY, mamba, transformer
from transformers import LlamaForCausalLM, MambaForCausalLM

from resnetbk.benchmark import training_steps
from resnetbk.benchmark.training_steps import original, require_unpatched, time_training_steps, training_step
from resnetbk.errors import UserError
from resnetbk.models.registry import build_model


@pytest.fixture
def ours():
    return build_model(mamba(), VOCABULARY, BUDGET, 0)


@pytest.fixture
def tokens_BL():
    return torch.randint(VOCABULARY, (2, 16), generator=torch.Generator().manual_seed(0))


def test_the_other_side_is_hugging_faces_class_with_our_weights(ours):
    theirs = original(MambaForCausalLM, ours, use_mambapy=True)
    assert type(theirs) is MambaForCausalLM and theirs.training
    assert theirs.backbone.layers[0].mixer.use_mambapy
    assert not original(MambaForCausalLM, ours).backbone.layers[0].mixer.use_mambapy
    weights = theirs.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in ours.state_dict().items())
    assert not {p.data_ptr() for p in ours.parameters()} & {p.data_ptr() for p in theirs.parameters()}


def test_llama_attends_as_it_comes(ours):
    model = build_model(transformer(), VOCABULARY, BUDGET, 0)
    assert original(LlamaForCausalLM, model).config._attn_implementation == "sdpa"


def test_our_code_on_their_side_is_found(ours, monkeypatch):
    with pytest.raises(AssertionError, match=r"comes from resnetbk\.models"):
        require_unpatched(ours)
    theirs = original(MambaForCausalLM, ours)
    module = __import__("transformers.models.mamba.modeling_mamba", fromlist=["mamba_selective_scan"])
    monkeypatch.setattr(module, "mamba_selective_scan", training_steps.training_step)
    with pytest.raises(AssertionError, match="mamba_selective_scan comes from resnetbk"):
        require_unpatched(theirs)


def test_sides_that_do_other_work_are_found(ours, tokens_BL):
    theirs = original(MambaForCausalLM, ours)
    training_steps._require_agreement(ours, theirs, tokens_BL)
    with torch.no_grad():
        theirs.backbone.layers[0].mixer.D.mul_(1.5)
    with pytest.raises(AssertionError, match="differ by"):
        training_steps._require_agreement(ours, theirs, tokens_BL)


def test_a_step_goes_all_the_way_and_leaves_the_weights_as_they_were(ours, tokens_BL):
    before = {name: p.detach().clone() for name, p in ours.named_parameters()}
    training_step(ours, tokens_BL, tokens_BL)()
    for name, parameter in ours.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert torch.equal(parameter, before[name]), name


def test_without_mambapy_nothing_is_passed_off_as_it(small_settings, monkeypatch):
    monkeypatch.setattr(training_steps, "is_mambapy_available", lambda: False)
    with pytest.raises(UserError, match="mambapy is not installed"):
        time_training_steps(small_settings)
