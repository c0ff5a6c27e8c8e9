"""A synthetic experiment on disk: cells with planted differences, written as the stages write them."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resnetbk.params import Params, load_params
from resnetbk.plan import PLAN_FILE, register_plan
from resnetbk.repro.files import sha256_file
from resnetbk.repro.sealed import write_sealed

REPOSITORY = Path(__file__).parents[2]
BYTES_PER_TOKEN = 3
# True difference to Mamba's loss, in nats a token.
EFFECTS = {"resnet_bk": 0.15, "exponential_gate": 0.16, "mamba": 0.0, "transformer": 0.9}
SHARED_CODE = "src/resnetbk/training/loop.py"
STEPS = 600


def sha(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


class Experiment:
    """Files of a run under `root`; `edit` changes one as a user or a bug might."""

    def __init__(self, root: Path, *, seeds: int = 3, documents: int = 20, effects=EFFECTS, hypotheses=()):
        self.root = root
        shutil.copy(REPOSITORY / "params.yaml", root / "params.yaml")
        content = load_params(root / "params.yaml").model_dump()
        content["run"] |= {"models": list(effects), "seeds": list(range(seeds)), "parameter_budget": 10**6}
        content["compare"] |= {"resamples": 1000, "hypotheses": dict(hypotheses)}
        self.content = content
        self.plan = register_plan(self.params, root / PLAN_FILE)
        random = np.random.Generator(np.random.PCG64(7))
        tokens_D = random.integers(300, 900, documents)
        difficulty_D = 4.2 + 0.3 * random.standard_normal(documents)
        for model, effect in effects.items():
            taste_D = 0.03 * random.standard_normal(documents)
            self.write(f"metrics/audit/{model}.json", {"model": model, "passed": True, "checks": {}})
            for seed in range(seeds):
                luck = 0.01 * random.standard_normal()
                noise_D = 0.01 * random.standard_normal(documents)
                self.write_cell(model, seed, difficulty_D + effect + taste_D + luck + noise_D, tokens_D)
        ngrams = {
            name: {"loss": loss, "perplexity": float(np.exp(loss)), "bits_per_byte": loss / 2, "documents": []}
            for name, loss in (("unigram", 6.2), ("bigram", 4.9))
        }
        self.write("metrics/baselines.json", ngrams)

    @property
    def params(self) -> Params:
        return Params.model_validate(self.content)

    def write(self, path: str, value: Any) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        if path.endswith("manifest.json"):
            write_sealed(self.root / path, value)
        else:
            (self.root / path).write_text(json.dumps(value))

    def read(self, path: str) -> Any:
        content = json.loads((self.root / path).read_text())
        return {key: value for key, value in content.items() if key != "sha256"}

    def edit(self, path: str, **changes: Any) -> None:
        self.write(path, self.read(path) | changes)

    def write_history(self, path: str, losses: dict[int, float]) -> None:
        """Write a training's rows, and its held-out losses at some steps."""
        rows = [{"step": 1, "tokens": 1024, "loss": 8.0}]
        rows += [{"step": step, "tokens": 1024 * step, "validation_loss": loss} for step, loss in losses.items()]
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text("".join(json.dumps(row) + "\n" for row in rows))

    def write_cell(self, model: str, seed: int, loss_D: np.ndarray, tokens_D: np.ndarray) -> None:
        loss = float(np.average(loss_D, weights=tokens_D))
        rows = zip(loss_D.tolist(), tokens_D.tolist(), strict=True)
        evaluation = {
            "model": model,
            "seed": seed,
            "loss": loss,
            "perplexity": float(np.exp(loss)),
            "bits_per_byte": loss / np.log(2) / BYTES_PER_TOKEN,
            "tokens": int(tokens_D.sum()),
            "bytes": int(tokens_D.sum()) * BYTES_PER_TOKEN,
            "documents": [{"loss": x, "tokens": n, "bytes": n * BYTES_PER_TOKEN} for x, n in rows],
            "loss_by_position": [],
            "parameters": {"total": 1_003_000, "embedding": 262_144, "non_embedding": 740_856},
            "state_size": 65_536,
            "training_tokens": 614_400,
            "data": sha("test"),
            "weights": sha("file", model, seed),
        }
        history = f"metrics/train/{model}-{seed}.jsonl"
        self.write_history(history, {STEPS // 2: loss + 0.5, STEPS: loss})
        manifest = {
            "model": model,
            "seed": seed,
            "config": self.content["models"][model],
            "train": {"batch_size": 4, "length": 256, "accumulation": 1},
            "parameter_budget": 10**6,
            "determinism": "portable",
            "kernels": "auto",
            "data": {"train": sha("train"), "validation": sha("validation")},
            "code": {SHARED_CODE: sha(SHARED_CODE), f"src/resnetbk/models/{model}.py": sha("code", model)},
            "tuning": {
                "trials": 6,
                "tokens": 491_520,
                "learning_rate": 6e-3,
                "weight_decay": 0.1,
                "at_edge": False,
            },
            "tokens": 614_400,
            "steps": STEPS,
            "data_order": sha("order", seed),
            "initial_weights": sha("initial", model, seed),
            "initialisation": "own" if self.content["models"][model]["family"] == "resnet_bk" else "original",
            "tied_embeddings": True,
            "costs": {"forward_flops": 10**9, "backward_flops": 2 * 10**9, "peak_memory_bytes": 5 * 10**7},
            "final_weights": sha("final", model, seed),
            "files": {
                f"models/{model}-{seed}/weights.safetensors": sha("file", model, seed),
                history: sha256_file(self.root / history),
            },
            "lineage": {"plan": self.plan},
        }
        self.write(f"metrics/evaluate/{model}-{seed}.json", evaluation)
        self.write(f"models/{model}-{seed}/manifest.json", manifest)


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    return Experiment(tmp_path)


@pytest.fixture
def make_experiment(tmp_path: Path):
    """Make an experiment with other seeds, documents, effects or hypotheses."""

    def make(**changes: Any) -> Experiment:
        return Experiment(tmp_path, **changes)

    return make
