"""A finished pipeline in miniature: the files that the stages before `track` leave, with numbers made up here."""

import json
import shutil
from pathlib import Path

from ruamel.yaml import YAML

from resnetbk.repro.files import write_json

REPOSITORY = Path(__file__).parents[2]


def make_project(root, *, models=("resnet_bk", "mamba"), seeds=(0,), steps=600):
    """Write params.yaml, stages and the outs of every stage before `track` under `root`."""
    yaml = YAML()
    document = yaml.load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))
    document["run"] |= {"models": list(models), "seeds": list(seeds)}
    with (root / "params.yaml").open("w", encoding="utf-8") as file:
        yaml.dump(document, file)
    for name in ("src", "stages"):
        (root / name).symlink_to(REPOSITORY / name)
    shutil.copy(REPOSITORY / "dvc.yaml", root / "dvc.yaml")
    splits = {
        name: {"tokens_sha256": digit * 64, "tokens": 1000, "bytes": 3000}
        for name, digit in (("train", "1"), ("validation", "2"), ("test", "3"))
    }
    write_json(
        root / "data/corpus/card.json",
        {"corpus": "tiny", "source": {"kind": "file"}, "vocabulary_size": 300, "splits": splits},
    )
    for model in models:
        write_json(root / f"metrics/audit/{model}.json", {"model": model, "passed": True, "code": {}})
        for seed in seeds:
            make_cell(root, model, seed, steps)
    for name in ("baselines", "comparison"):
        write_json(root / f"metrics/{name}.json", {})
    write_json(root / "metrics/summary.json", {"mamba": {"loss": 3.5}, "verdict": "undecided", "p": [0.5, None]})
    (root / "report").mkdir()
    (root / "report/index.html").write_text("<h1>Report</h1>")
    (root / "plots").mkdir()
    (root / "plots/curves.svg").write_text("<svg/>")
    return root


def make_cell(root, model, seed, steps, loss=3.5):
    """Write the outs of train and evaluate for one cell, whose test loss is `loss`."""
    cell = f"{model}-{seed}"
    rows = [
        {
            "step": step,
            "tokens": 1024 * step,
            "loss": 8 - step / steps,
            "learning_rate": 1e-3,
            "gradient_norm": 1.0,
        }
        for step in range(10, steps + 1, 10)
    ]
    rows += [
        {"step": step, "tokens": 1024 * step, "validation_loss": 7 - step / steps}
        for step in range(100, steps + 1, 100)
    ]
    path = root / f"metrics/train/{cell}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    facts = {"model": model, "seed": seed, "config": {}, "parameter_budget": 1000}
    facts |= {"final_weights": "4" * 64, "code": {"a.py": "5" * 64}}
    write_json(root / f"models/{cell}/manifest.json", facts)
    (root / f"models/{cell}/weights.safetensors").write_bytes(b"no weights")
    evaluation = {
        "model": model,
        "seed": seed,
        "loss": loss,
        "perplexity": 33.0,
        "bits_per_byte": 1.5,
        "tokens": 1000,
        "bytes": 3000,
        "documents": [{"loss": loss, "tokens": 1000, "bytes": 3000}],
        "loss_by_position": [
            {"position": p, "loss": loss + 1 / (1 + p), "tokens": 100} for p in range(0, 256, 16)
        ],
        "parameters": {"total": 1_000_000, "embedding": 200_000, "non_embedding": 800_000},
        "state_size": 4096,
        "training_tokens": 1024 * steps,
    }
    write_json(root / f"metrics/evaluate/{cell}.json", evaluation)
