"""Every key of params.yaml changes something: each is changed alone, and what its stage makes is compared."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from ruamel.yaml import YAML
from tests.pipeline.project import ROOT, Project

from resnetbk.audit.runner import audit_model
from resnetbk.comparison.outcome import compare
from resnetbk.data.corpus import Corpus
from resnetbk.data.prepare import prepare
from resnetbk.errors import UserError
from resnetbk.evaluation.cell import evaluate_cell
from resnetbk.kernels.selection import use
from resnetbk.models.registry import build_model
from resnetbk.params import Params
from resnetbk.pipeline.reproduction import side_by_side
from resnetbk.report.build import build_report
from resnetbk.repro.levels import environment
from resnetbk.training.checkpoint import weights_hash
from resnetbk.training.loop import train
from resnetbk.training.loss import next_token_loss
from resnetbk.training.resume import ResumeState
from resnetbk.tuning.choice import chosen
from resnetbk.tuning.trials import run_trials

MIXTURE = {
    "kind": "mixture_of_experts",
    "ratio": 2.0,
    "experts": 4,
    "top_k": 1,
    "router": "linear",
    "load_balance": 0.01,
    "z_loss": 0.0,
    "capacity_factor": None,
}
VARIANTS = {
    "transformer": {"layers": 1},
    "gpt2": {"layers": 1, "context": 64},
    "mamba2": {"layers": 1, "state_size": 8, "head_width": 8},
    "exponential_gate": {"layers": 1, "heads": 4},
}

# What each key is changed to. A key of params.yaml that is missing here fails the test below.
CHANGES: dict[str, Any] = {
    "run.models": ["mamba"],
    "run.seeds": [1],
    "run.determinism": "fast",
    "run.kernels": "reference",
    "run.parameter_budget": 80_000,
    "prepare.corpus": "sotu ",  # an unknown name is refused; known ones are fetched in tests/data
    "prepare.corpus.kind": "hub",
    "prepare.corpus.path": "other.jsonl",
    "prepare.corpus.sha256": "0" * 64,
    "prepare.corpus.format": "text",
    "prepare.corpus.licence": "another",
    "prepare.max_documents": 30,
    "prepare.tokenizer.kind": "bytes",
    "prepare.tokenizer.vocabulary_size": 280,
    "prepare.validation_fraction": 0.3,
    "prepare.test_fraction": 0.4,
    "prepare.split_seed": 1,
    "models.resnet_bk.family": "mamba",  # whose keys are others, so it is refused
    "models.mamba.family": "transformer",
    "models.transformer.family": "mamba",
    "models.resnet_bk.layers": 2,
    "models.resnet_bk.mixer": "diagonal",
    "models.resnet_bk.heads": 8,
    "models.resnet_bk.energies": 2,
    "models.resnet_bk.eta": 0.01,
    "models.resnet_bk.convolution": 3,
    "models.resnet_bk.ffn.kind": {"kind": "dense", "ratio": 2.0},
    "models.resnet_bk.hybrid_gradient": 0.5,
    "models.mamba.layers": 2,
    "models.mamba.state_size": 8,
    "models.mamba.convolution": 3,
    "models.mamba.expand": 3,
    "models.mamba.norm": True,
    "models.transformer.layers": 2,
    "models.transformer.heads": 2,
    "models.transformer.ffn_ratio": 4.0,
    "models.transformer.rope_theta": 500.0,
    "models.mamba2.family": "mamba",
    "models.mamba2.layers": 2,
    "models.mamba2.state_size": 16,
    "models.mamba2.convolution": 3,
    "models.mamba2.expand": 3,
    "models.mamba2.head_width": 16,
    "models.mamba2.groups": 2,
    "models.gpt2.family": "transformer",
    "models.gpt2.layers": 2,
    "models.gpt2.heads": 2,
    "models.gpt2.ffn_ratio": 3.0,
    "models.gpt2.context": 96,
    "audit.length": 16,
    "audit.batch_size": 3,
    "audit.seed": 1,
    "tune.learning_rates": [1e-3],
    "tune.weight_decays": [0.0],
    "tune.steps": 3,
    "tune.warmup_steps": 0,
    "tune.validation_batches": 2,
    "tune.seeds": [1001],
    "train.steps": 7,
    "train.batch_size": 3,
    "train.length": 24,
    "train.accumulation": 2,
    "train.learning_rate": 1e-2,
    "train.final_learning_rate": 0.5,
    "train.warmup_steps": 1,
    "train.weight_decay": 0.2,
    "train.beta1": 0.8,
    "train.beta2": 0.9,
    "train.gradient_clip": 0.01,
    "train.validation_interval": 3,
    "train.validation_batches": 1,
    "train.log_interval": 1,
    "train.checkpoint_interval": 2,
    "evaluate.length": 16,
    "evaluate.batch_size": 3,
    "evaluate.position_bucket": 4,
    "compare.baseline": "resnet_bk",
    "compare.alpha": 0.01,
    "compare.equivalence_margin": 0.1,
    "compare.power": 0.9,
    "compare.resamples": 2000,
    "compare.hypotheses.better_or_equal.words": "another expectation",
    "compare.hypotheses.better_or_equal.model": "exponential_gate",  # which is not in the run: not tested
    "compare.hypotheses.better_or_equal.against": "exponential_gate",
    "compare.hypotheses.better_or_equal.expect": ["higher"],
    "compare.hypotheses.better_or_equal.alpha": 0.4,
    "compare.hypotheses.resolvent.words": "another expectation",
    "compare.hypotheses.resolvent.model": "mamba",
    "compare.hypotheses.resolvent.against": "mamba",
    "compare.hypotheses.resolvent.expect": ["higher", "equivalent"],
    "compare.hypotheses.resolvent.alpha": 0.4,
    "compare.tolerances.parameters": 1e-6,
    "compare.tolerances.training_tokens": 0.5,
    "compare.tolerances.steps": 0.5,
    "compare.tolerances.tuning_trials": 0.5,
    "compare.tolerances.tuning_tokens": 0.1,
    "compare.tolerances.flops": 1e-6,
    "compare.tolerances.state_size": 1e-6,
    "compare.tolerances.peak_memory_bytes": 1e-6,
    "plot.curve_smoothing": 1,
    "battery.tasks": ["juggling"],  # which the committed tasks do not describe, so it is refused
    "battery.task_models": ["gpt2"],  # which the run does not train, so it is refused
    "battery.context_models": ["mamba"],
    "battery.quantise_models": ["mamba"],
    "battery.early_exit_models": ["mamba"],
}
# Sections whose keys are shown to change something in tests/evaluation/test_battery_keys.py and in
# tests/tasks/test_task_keys.py.
ELSEWHERE = ("context.", "quantise.", "early_exit.", "tasks.")
# Keys that stand in no committed parameter, with the value that they replace in `MIXTURE`.
MIXTURE_CHANGES = {
    "ratio": 3.0,
    "experts": 2,
    "top_k": 2,
    "router": "scattering",
    "load_balance": 0.5,
    "z_loss": 0.1,
    "capacity_factor": 0.5,
}


def leaves(node: Any, prefix: str = "") -> list[str]:
    """Return the dotted names of everything in a YAML document that is not a mapping."""
    if not isinstance(node, dict):
        return [prefix]
    return [leaf for key, value in node.items() for leaf in leaves(value, f"{prefix}.{key}".strip("."))]


def changed(document: dict, key: str, value: Any) -> dict:
    document = copy.deepcopy(document)
    *sections, last = key.split(".")
    node = document
    for section in sections:
        node = node[section]
    if isinstance(value, dict):  # another kind brings its own keys: the whole mapping is replaced
        node.clear()
        node.update(value)
    else:
        node[last] = value
    return document


@pytest.fixture(scope="module")
def document(done: Project) -> dict:
    """The small project's parameters, with the models that it does not train described as well."""
    document = YAML(typ="safe").load(done.read("params.yaml"))
    for name, sizes in VARIANTS.items():
        document["models"][name].update(sizes)
    return document


def test_no_key_is_forgotten(document: dict):
    committed = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    known = set(CHANGES)
    # A control has the resolvent's keys; only its mixer differs, and that is a key of its own. So with Mamba.
    controls = ("exponential_gate", "scattering", "rotation", "signed")
    twins = {"mamba_normed": "mamba"} | dict.fromkeys(controls, "resnet_bk")
    keys = set()
    for key in leaves(committed) + leaves(document):
        section, *rest = key.split(".")
        keys.add(".".join([section, *(twins.get(name, name) for name in rest)]))
    assert {key for key in keys if not key.startswith(ELSEWHERE)} <= known


@pytest.fixture(scope="module")
def unchanged(document: dict, done: Project, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Return the outcome of the unchanged parameters; of each observation it is made twice and is the same."""
    known: dict[tuple, str] = {}

    def ask(observe: Callable, key: str) -> str:
        seen = observe, observed_model(key)
        if seen not in known:
            first, second = (outcome(observe, document, key, tmp_path_factory.mktemp("same")) for _ in range(2))
            assert first == second, "not repeatable, so nothing is shown"
            known[seen] = first
        return known[seen]

    return ask


@pytest.mark.parametrize("key", CHANGES)
def test_key(
    key: str, document: dict, done: Project, unchanged: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(done.path)
    observe = OBSERVERS[".".join(key.split(".")[:2])] if key.startswith("run.") else OBSERVERS[key.split(".")[0]]
    assert unchanged(observe, key) != outcome(observe, changed(document, key, CHANGES[key]), key, tmp_path)


@pytest.mark.parametrize("key", MIXTURE_CHANGES)
def test_key_of_the_mixture_of_experts(key: str, document: dict, done: Project, tmp_path: Path):
    base = changed(document, "models.resnet_bk.ffn.kind", MIXTURE)
    name = f"models.resnet_bk.ffn.{key}"
    before = outcome(observe_model, base, name, tmp_path)
    assert before != outcome(observe_model, changed(base, name, MIXTURE_CHANGES[key]), name, tmp_path)


def outcome(observe: Callable, document: dict, key: str, folder: Path) -> str:
    """Return a hash of what a stage makes, or the message with which it refuses."""
    try:
        made = observe(Params.model_validate(document), key, folder)
    except (UserError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return hashlib.sha256(json.dumps(made, sort_keys=True, default=str).encode()).hexdigest()


def observe_prepare(params: Params, key: str, folder: Path) -> Any:
    card = prepare(params.prepare, folder)
    return card


def observed_model(key: str) -> str:
    return key.split(".")[1] if key.startswith("models.") else "mamba"


def observe_model(params: Params, key: str, folder: Path) -> Any:
    name = observed_model(key)
    budget = 400_000 if name in ("transformer", "gpt2", "mamba2") else params.run.parameter_budget
    model = build_model(params.models[name], 300, budget, seed=0)
    tokens_BL = torch.arange(40).reshape(2, 20)
    logits_BLV = model(tokens_BL)
    (next_token_loss(logits_BLV, tokens_BL) + model.auxiliary_loss()).backward()
    return [logits_BLV.sum().item(), *(p.grad.abs().sum().item() for p in model.parameters())]


def observe_kernels(params: Params, key: str, folder: Path) -> Any:
    with use(params.run.kernels):
        return observe_model(params, key, folder)


def observe_audit(params: Params, key: str, folder: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:  # other tests of this process have imported other models
        patch.setattr("resnetbk.audit.runner.audited_sources", dict)
        return audit_model(params, "mamba", Corpus.open(Path("data/corpus")))


def observe_training(params: Params, key: str, folder: Path) -> Any:
    class Noted(ResumeState):
        def save(self, model, optimiser, progress) -> None:
            saved.append(progress["step"])

    saved: list[int] = []
    corpus = Corpus.open(Path("data/corpus"))
    model = build_model(params.models["mamba"], corpus.vocabulary_size, 60_000, seed=0)
    config, _ = chosen(params, "mamba", root=Path())
    history = train(model, corpus, config, seed=params.run.seeds[0], resume=Noted(folder))
    return [history, weights_hash(model), saved]


def observe_tuning(params: Params, key: str, folder: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:  # other tests of this process have imported other models
        patch.setattr("resnetbk.tuning.trials.verify_code", lambda report: None)
        patch.setattr("resnetbk.tuning.trials.enforce", lambda level: None)  # it would last beyond this test
        return [run_trials(params, "mamba", rate, root=Path()) for rate in params.tune.learning_rates]


def observe_evaluation(params: Params, key: str, folder: Path) -> Any:
    passes = []
    forward = torch.nn.Embedding.forward

    def counted(self, tokens):
        passes.append(len(tokens))
        return forward(self, tokens)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.Embedding, "forward", counted)
        patch.setattr("resnetbk.evaluation.cell.verify_code", lambda report: None)
        return [evaluate_cell(params, "mamba", 0, root=Path()), passes]


def observe_comparison(params: Params, key: str, folder: Path) -> Any:
    return compare(params)


def observe_report(params: Params, key: str, folder: Path) -> Any:
    return {path: hashlib.sha256(content).hexdigest() for path, content in build_report(params).items()}


def observe_stages(params: Params, key: str, folder: Path) -> Any:
    return list(side_by_side(params))


OBSERVERS = {
    "run.models": observe_comparison,
    "run.seeds": observe_training,
    "run.determinism": lambda params, key, folder: environment(params.run.determinism),
    "run.kernels": observe_kernels,
    "run.parameter_budget": observe_model,
    "prepare": observe_prepare,
    "models": observe_model,
    "audit": observe_audit,
    "tune": observe_tuning,
    "train": observe_training,
    "evaluate": observe_evaluation,
    "compare": observe_comparison,
    "plot": observe_report,
    "battery": observe_stages,
}
