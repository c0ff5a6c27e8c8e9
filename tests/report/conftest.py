"""Small measured files, as the stages before `plot` leave them, and the parameters that go with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.comparison.conftest import Experiment
from tests.report.small_battery import BATTERY, cells

from resnetbk.comparison.outcome import compare
from resnetbk.params import Params, Tune, load_params
from resnetbk.report.build import build_report

MODELS = {"resnet_bk": 4.05, "exponential_gate": 4.07, "mamba": 4.12, "mamba_normed": 4.08, "transformer": 4.75}
SEEDS = [0, 1, 2]
HYPOTHESES = {
    "lower": {"model": "resnet_bk", "against": "mamba", "expect": ["lower", "equivalent"]},
    "resolvent": {"model": "resnet_bk", "against": "exponential_gate", "expect": ["lower"]},
    "absent": {"model": "gpt2", "against": "mamba", "expect": ["lower"]},
}


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def change_params(params: Params, **sections: dict) -> Params:
    """Return parameters with other values under some keys."""
    updated = {key: getattr(params, key).model_copy(update=values) for key, values in sections.items()}
    return params.model_copy(update=updated)


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


def trials(model: str, final: float, rate: float, tune: Tune) -> dict:
    """The transformer diverges at the highest rate; best is the middle one, but for mamba_normed the lowest."""
    place = tune.learning_rates.index(rate)
    best = 0 if model == "mamba_normed" else len(tune.learning_rates) // 2
    diverges = model == "transformer" and place == len(tune.learning_rates) - 1
    rows = [
        {
            "learning_rate": rate,
            "weight_decay": decay,
            "validation_loss": None if diverges else final + 1.5 + 0.25 * abs(place - best) + decay,
            "diverged_at": 41 if diverges else None,
        }
        for decay in tune.weight_decays
    ]
    return {
        "model": model,
        "learning_rate": rate,
        "seeds": tune.seeds,
        "steps": tune.steps,
        "tokens": 4096,
        "trials": rows,
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


def write_results(root: Path, comparison: str, tune: Tune) -> None:
    for model, final in MODELS.items():
        for seed in SEEDS:
            path = root / f"metrics/train/{model}-{seed}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{json.dumps(row)}\n" for row in history(final, seed)), encoding="utf-8")
            write_json(root / f"metrics/evaluate/{model}-{seed}.json", evaluation(model, final, seed))
        for rate in tune.learning_rates:
            write_json(root / f"metrics/tune/{model}/{rate}.json", trials(model, final, rate, tune))
        checks = {name: {"passed": True, "measured": {}, "detail": f"{name} of {model} holds"} for name in CHECKS}
        write_json(root / f"metrics/audit/{model}.json", {"model": model, "passed": True, "checks": checks})
    (root / "metrics/comparison.json").write_text(comparison)
    write_json(root / "data/corpus/card.json", CARD)
    write_json(root / "metrics/scaling.json", {"runs": []})
    (root / "requirements.lock").write_text("numpy==2.4.6\nsafetensors==0.8.0\ntorch==2.13.0\n")


@pytest.fixture(scope="session")
def compared(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the stage `compare` writes of cells with these models and seeds."""
    effects = {model: final - MODELS["mamba"] for model, final in MODELS.items()}
    experiment = Experiment(tmp_path_factory.mktemp("experiment"), seeds=len(SEEDS), effects=effects)
    experiment.content["compare"]["hypotheses"] = {
        name: {"words": f"{name} holds", "alpha": 0.05, **hypothesis} for name, hypothesis in HYPOTHESES.items()
    }
    return json.dumps(compare(experiment.params, experiment.root))


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory, compared: str, params: Params) -> Path:
    """A directory that holds what `plot` reads; tests leave it as it is."""
    directory = tmp_path_factory.mktemp("measured")
    write_results(directory, compared, params.tune)
    return directory


@pytest.fixture(scope="session")
def built(measured: Path, params: Params) -> dict[str, bytes]:
    """The report of `measured`."""
    return build_report(params, measured)


@dataclass(frozen=True)
class Whole:
    """A report with everything on it, what it was made of, and the directory of the measured files."""

    built: dict[str, bytes]
    params: Params
    root: Path


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, compared: str, params: Params) -> Whole:
    """The report of a run with its battery; tests leave the files as they are."""
    root = tmp_path_factory.mktemp("whole")
    write_results(root, compared, params.tune)
    asked = params.model_copy(update={"battery": BATTERY})
    for path, content in cells(asked):
        write_json(root / path, content)
    return Whole(build_report(asked, root), asked, root)


@pytest.fixture
def root(tmp_path: Path, compared: str, params: Params) -> Path:
    """A directory of the test's own that holds the same files."""
    write_results(tmp_path, compared, params.tune)
    return tmp_path


@pytest.fixture(scope="session")
def params() -> Params:
    """The repository's own parameters, with the models and seeds of the files above."""
    return change_params(
        load_params(Path(__file__).parents[2] / "params.yaml"),
        run={"models": list(MODELS), "seeds": SEEDS},
        tune={"learning_rates": [2e-3, 6e-3, 1.8e-2], "weight_decays": [0.01, 0.1], "steps": 80},
        train={"learning_rate": "tuned", "weight_decay": "tuned"},
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
