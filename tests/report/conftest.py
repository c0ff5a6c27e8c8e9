"""Small measured files, as the stages before `plot` leave them, and the parameters that go with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resnetbk.params import Params, load_params
from resnetbk.report.build import build_report

MODELS = {"resnet_bk": 4.05, "exponential_gate": 4.07, "mamba": 4.12, "transformer": 4.75}
SEEDS = [0, 1, 2]
BIGRAM = 4.30


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def history(final: float, seed: int) -> list[dict]:
    rows = []
    for step in range(10, 601, 10):
        loss = final + 3.4 * (60 / (60 + step)) - 0.3 + 0.02 * seed
        wobble = 0.05 * ((step // 10 * 7 + seed * 3) % 11 - 5) / 5
        tokens = 1024 * step
        rows.append(
            {"step": step, "tokens": tokens, "loss": loss + wobble, "learning_rate": 1e-3, "gradient_norm": 1.0}
        )
        if step % 100 == 0:
            rows.append({"step": step, "tokens": tokens, "validation_loss": loss})
    return rows


def evaluation(model: str, final: float, seed: int) -> dict:
    positions = [
        {"position": start, "loss": final + 1.2 * 16 / (16 + start) - 0.15 + 0.01 * seed, "tokens": 500}
        for start in range(0, 256, 16)
    ]
    return {"model": model, "seed": seed, "loss": final + 0.01 * (seed - 1), "loss_by_position": positions}


def model_score(final: float) -> dict:
    return {
        "loss": final,
        "loss_by_seed": [final + 0.01 * (seed - 1) for seed in SEEDS],
        "perplexity": 2.718281828**final,
        "bits_per_byte": final / 2.1,
        "standard_deviation": 0.01,
        "below_bigram": final < BIGRAM,
        "ledger": {
            "parameters": 1003210,
            "parameters_embedding": 262144,
            "parameter_budget": 1000000,
            "parameters_from_budget": 0.00321,
            "training_tokens": 614400,
            "state_size": 65536,
            "audit_passed": True,
            "data": {"train": "0" * 64, "validation": "1" * 64, "test": "2" * 64},
            "documents": 20,
            "tokens": 12491,
        },
    }


def pair(model: str, against: str, verdict: str) -> dict:
    difference = MODELS[model] - MODELS[against]
    return {
        "model": model,
        "against": against,
        "difference": difference,
        "confidence_interval": [difference - 0.031, difference + 0.029],
        "p_value": 0.001,
        "p_value_corrected": 0.00213,
        "equivalence_p_value": 0.5,
        "equivalence_p_value_corrected": 0.9,
        "effect_size": -1.25,
        "margin": 0.01 * MODELS[against],
        "verdict": verdict,
        "note": None,
    }


def comparison() -> dict:
    return {
        "summary": "resnet_bk wins against mamba (lower loss): by so much. Not below the bigram: transformer.",
        "baseline": "mamba",
        "alpha": 0.05,
        "equivalence_margin": 0.01,
        "parameter_tolerance": 0.01,
        "seeds": SEEDS,
        "documents": 20,
        "models": {model: model_score(final) for model, final in MODELS.items()},
        "ngrams": {
            "unigram": {"loss": 6.03, "perplexity": 415.7, "bits_per_byte": 2.9},
            "bigram": {"loss": BIGRAM, "perplexity": 73.7, "bits_per_byte": 2.05},
        },
        "comparisons": [
            pair("resnet_bk", "mamba", "lower loss"),
            pair("exponential_gate", "mamba", "equivalent within the margin"),
            pair("transformer", "mamba", "higher loss"),
            pair("resnet_bk", "exponential_gate", "undecided"),
        ],
    }


CARD = {
    "corpus": "wikipedia-excerpt",
    "source": {"kind": "wheel", "package": "gensim", "version": "4.4.0"},
    "licence": "CC BY-SA",
    "vocabulary_size": 2048,
    "disjoint": True,
    "splits": {
        "train": {"documents": 74, "tokens": 700000, "bytes": 2200000},
        "validation": {"documents": 11, "tokens": 100000, "bytes": 310000},
        "test": {"documents": 20, "tokens": 200000, "bytes": 620000},
    },
}
CHECKS = ("causality", "causality_gradient", "alignment", "normalisation", "split_leakage", "live_gradients")


def write_results(root: Path) -> None:
    for model, final in MODELS.items():
        for seed in SEEDS:
            path = root / f"metrics/train/{model}-{seed}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{json.dumps(row)}\n" for row in history(final, seed)), encoding="utf-8")
            write_json(root / f"metrics/evaluate/{model}-{seed}.json", evaluation(model, final, seed))
        checks = {name: {"passed": True, "measured": {}, "detail": f"{name} of {model} holds"} for name in CHECKS}
        write_json(root / f"metrics/audit/{model}.json", {"model": model, "passed": True, "checks": checks})
    write_json(root / "metrics/comparison.json", comparison())
    write_json(root / "data/corpus/card.json", CARD)


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that holds what `plot` reads; tests leave it as it is."""
    directory = tmp_path_factory.mktemp("measured")
    write_results(directory)
    return directory


@pytest.fixture(scope="session")
def built(measured: Path, params: Params) -> dict[str, bytes]:
    """The report of `measured`."""
    return build_report(params, measured)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory of the test's own that holds the same files."""
    write_results(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def params() -> Params:
    """The repository's own parameters, with the models and seeds of the files above."""
    loaded = load_params(Path(__file__).parents[2] / "params.yaml")
    return loaded.model_copy(
        update={"run": loaded.run.model_copy(update={"models": list(MODELS), "seeds": SEEDS})}
    )


@pytest.fixture
def edit(root: Path):
    """Return a function that changes one JSON file of `root` in place: `edit(path, change)`."""

    def apply(path: str, change) -> None:
        file = root / path
        document = json.loads(file.read_text(encoding="utf-8"))
        change(document)
        write_json(file, document)

    return apply
