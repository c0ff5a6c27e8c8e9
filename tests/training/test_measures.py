"""What a logged step tells is what it is called, and looking on changes no bit."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from tests.models.model_configs import mixture, resnet_bk
from tests.packed_corpus import draw_documents, write_corpus
from tests.training.test_resume import CONFIG

from resnetbk.data.batches import training_batch
from resnetbk.data.corpus import Corpus
from resnetbk.models.registry import build_model
from resnetbk.training import loop
from resnetbk.training.checkpoint import weights_hash
from resnetbk.training.loop import train
from resnetbk.training.loss import next_token_loss
from resnetbk.training.measures import Measures, non_finite
from resnetbk.training.optimiser import build_optimiser
from resnetbk.training.resume import ResumeState
from resnetbk.training.step import optimiser_step

VOCABULARY = 50
CONFIGS = {
    "propagator": resnet_bk(layers=2),
    "experts": resnet_bk(layers=1, ffn=mixture(top_k=2, router="scattering", capacity_factor=1.0)),
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    documents = {name: draw_documents(i, (150, 90), VOCABULARY) for i, name in enumerate(("train", "validation"))}
    folder = tmp_path_factory.mktemp("corpus") / "corpus"
    return Corpus.open(write_corpus(folder, documents | {"test": documents["train"]}, VOCABULARY))


def build(name: str) -> torch.nn.Module:
    return build_model(CONFIGS[name], VOCABULARY, 30_000, seed=0)


def run(corpus: Corpus, folder: Path, name: str, log_interval: int) -> tuple[str, list]:
    model, config = build(name), CONFIG.model_copy(update={"log_interval": log_interval})
    history = train(model, corpus, config, seed=0, resume=ResumeState(folder))
    return weights_hash(model), history


@pytest.mark.parametrize("name", CONFIGS)
def test_the_bits_are_those_of_a_training_that_is_not_looked_at(
    corpus: Corpus, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
):
    looked_at, history = run(corpus, tmp_path / "often", name, 1)
    assert all("update_norm" in row for row in history if "loss" in row)

    class Meddling(Measures):
        """The control: it leaves its mark on the gradient."""

        @contextmanager
        def of_update(self):
            self._model.embedding.weight.grad[0, 0] *= 2
            with super().of_update():
                yield

    with monkeypatch.context() as patch:
        patch.setattr(loop, "Measures", lambda model: None)
        alone, plain = run(corpus, tmp_path / "never", name, 1)
    assert alone == looked_at
    assert [row["loss"] for row in plain if "loss" in row] == [row["loss"] for row in history if "loss" in row]
    monkeypatch.setattr(loop, "Measures", Meddling)
    assert run(corpus, tmp_path / "meddled", name, 1)[0] != looked_at


def test_a_step_that_is_not_logged_is_not_looked_at(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    looked = []
    monkeypatch.setattr(loop, "Measures", lambda model: looked.append(Measures(model)) or looked[-1])
    _, history = run(corpus, tmp_path, "propagator", 4)
    assert [row["step"] for row in history if "update_norm" in row] == [4, 8, CONFIG.steps]
    assert len(looked) == 3


@pytest.mark.parametrize("name", CONFIGS)
def test_norms_are_those_of_the_definition(corpus: Corpus, name: str):
    config = CONFIG.model_copy(update={"accumulation": 1, "gradient_clip": 1e-3})
    split = corpus.split("train")
    model = build(name)
    tokens_BL, labels_BL = training_batch(split, step=0, batch_size=2, length=12, seed=0)
    (next_token_loss(model(tokens_BL), labels_BL) + model.auxiliary_loss()).backward()
    gradient = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
    optimiser = build_optimiser(model, weight_decay=0.1, beta1=0.9, beta2=0.95)
    for group in optimiser.param_groups:
        group["lr"] = 1e-2
    before = torch.nn.utils.parameters_to_vector(model.parameters()).detach().clone()
    measures = Measures(model)
    optimiser_step(model, optimiser, split, config, step=0, seed=0, measures=measures)
    after = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    found = measures.values
    assert found["gradient_max"] == gradient.abs().max().item() > 1e-3, "before clipping"
    assert found["parameter_norm"] == pytest.approx(after.norm().item(), rel=1e-5)
    assert found["update_norm"] == pytest.approx((after - before).norm().item(), rel=1e-5)
    assert found["nonfinite/gradients"] == found["nonfinite/logits"] == 0
    assert not any(module._forward_hooks for module in model.modules()), "no hook is left behind"


def test_statistics_are_of_the_first_sequence_in_all_layers(corpus: Corpus):
    model = build("propagator")
    split = corpus.split("train")
    tokens_BL, _ = training_batch(split, step=0, batch_size=2, length=12, seed=0)
    inputs = []
    for layer in model.layers:
        layer.block.mixer.register_forward_pre_hook(lambda module, given: inputs.append((module, *given)))
    model(tokens_BL)
    expected = [module.statistics(u_BNE[:1])["resolvent/magnitude"].item() for module, u_BNE in inputs]
    measures = Measures(model)
    optimiser = build_optimiser(model, weight_decay=0.1, beta1=0.9, beta2=0.95)
    optimiser_step(model, optimiser, split, CONFIG, step=0, seed=0, measures=measures)
    assert measures.values["resolvent/magnitude"] == pytest.approx(sum(expected) / 2)
    assert expected[0] != expected[1]


def test_routing_is_of_the_first_part(corpus: Corpus):
    model = build("experts")
    split = corpus.split("train")
    (mixture_of_experts,) = (module for module in model.modules() if hasattr(module, "routing"))
    routings = []
    for part in range(CONFIG.accumulation):
        model(training_batch(split, step=part, batch_size=2, length=12, seed=0)[0])
        routings.append(mixture_of_experts.routing)
    measures = Measures(model)
    optimiser = build_optimiser(model, weight_decay=0.1, beta1=0.9, beta2=0.95)
    optimiser_step(model, optimiser, split, CONFIG, step=0, seed=0, measures=measures)
    found = measures.values
    usage = [found[f"experts/usage_{index}"] for index in range(4)]
    assert usage == routings[0].usage_X.tolist() != routings[1].usage_X.tolist()
    assert sum(usage) == pytest.approx(1)
    assert found["experts/entropy"] == routings[0].entropy.item()
    assert found["experts/dropped"] == routings[0].dropped.item() > 0


def test_every_element_that_is_not_finite_is_counted():
    tensors = [torch.zeros(3, 4), torch.full((5,), 3e38), torch.zeros(0)]
    tensors[1][0] = -3e38  # the distance between the two is beyond float32
    assert non_finite(tensors) == 0
    tensors[0][1, 1:3] = torch.nan
    tensors[1][1] = -torch.inf
    assert non_finite(tensors) == 3
