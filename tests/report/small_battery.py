"""A small battery: what its stages leave of two tasks, and of two models stretched, rounded and stopped early."""

from __future__ import annotations

from collections.abc import Iterator

from resnetbk.params import Battery, Params

TASKS = {"parity": ("modular_counting", 0.5), "needle": ("needle", 0.05)}
MODELS = ["resnet_bk", "mamba"]
BATTERY = Battery(
    tasks=list(TASKS),
    task_models=[*MODELS, "transformer"],
    context_models=MODELS,
    quantise_models=MODELS,
    early_exit_models=MODELS,
)


def cells(params: Params) -> Iterator[tuple[str, dict]]:
    """Yield the path of each file and what it holds. On needle every trial of the transformer diverges."""
    seeds = params.run.seeds
    for task in TASKS:
        for model in BATTERY.task_models:
            yield f"metrics/tasks/{task}-{model}.json", task_cell(params, task, model)
    for model in MODELS:
        for seed in seeds:
            yield f"metrics/context/{model}-{seed}.json", context_cell(model, seed)
            yield f"metrics/quantise/{model}-{seed}.json", quantise_cell(model, seed)
            yield f"metrics/early_exit/{model}-{seed}.json", early_exit_cell(model, seed)


def task_cell(params: Params, task: str, model: str) -> dict:
    kind, chance = TASKS[task]
    diverges = (task, model) == ("needle", "transformer")
    trials = [
        {
            "learning_rate": rate,
            "weight_decay": decay,
            "validation_loss": None if diverges else 0.5,
            "diverged_at": 3 if diverges else None,
        }
        for rate in params.tune.learning_rates
        for decay in params.tune.weight_decays
    ]
    reached = {"resnet_bk": 0.99, "mamba": chance + 0.01, "transformer": 0.7}[model]
    tests = [
        {
            "length": 8 * multiple,
            "state_bytes": 256,
            "answers": 100,
            "accuracy": reached - 0.001 * multiple,
            "loss": 0.1,
            "non_finite": 0,
            "by_distance": [
                {"distance": distance, "answers": 50, "accuracy": reached - 0.002 * distance}
                for distance in ((0, 4) if kind == "needle" else (0,))
            ],
        }
        for multiple in (1, 2, 4)
    ]
    curve = [{"step": 40, "validation_loss": 0.25, "validation_accuracy": reached}]
    return {
        "task": task,
        "model": model,
        "definition": {"kind": kind, "length": 8, "test_multiples": [1, 2, 4]},
        "chance": chance,
        "parameters": {"total": 20_011, "embedding": 11, "non_embedding": 20_000},
        "trials": trials,
        "choice": None if diverges else {"learning_rate": 0.018, "weight_decay": 0.1, "at_edge": True},
        "seeds": []
        if diverges
        else [{"seed": seed, "diverged_at": None, "curve": curve, "tests": tests} for seed in params.run.seeds],
    }


def context_cell(model: str, seed: int) -> dict:
    scored = {"tokens": 1000, "loss": 4.5 + 0.01 * seed, "non_finite_losses": 0, "non_finite_logits": 0}
    stream = {
        **scored,
        "length": 1024,
        "first_non_finite": None,
        "memory": [{"position": 0, "peak_bytes": 5000}, {"position": 512, "peak_bytes": 4000}],
        "loss_by_position": [{"position": p, "loss": 5 - 0.01 * p} for p in (0, 1, 2, 4)],
    }
    held_out = {"loss": 5.0, "bits_per_byte": 2.125, "loss_by_position": [{"position": 0, "loss": 5.0}]}
    return {
        "model": model,
        "seed": seed,
        "training_length": 256,
        "limit": {"tokens": None, "reason": None},
        "windows": [{**scored, "multiple": multiple, "length": 256 * multiple} for multiple in (1, 2, 4)],
        "stream": stream,
        "out_of_domain": {"speeches": {"held_out": held_out, "stream": stream}},
        "receptive_field": {
            "length": 64,
            "windows": 16,
            "mean_distance": 12.5 + seed,
            "distance_90": 40,
            "non_finite": 0,
            "by_distance": [{"distance": 0, "share": 0.75}, {"distance": 1, "share": 0.25}],
        },
        "gradient_spikes": {"factor": 3.0, "window": 10, "steps_judged": 38, "spikes": [{"step": 5}]},
    }


def quantise_cell(model: str, seed: int) -> dict:
    rows = {
        name: {
            "weights": bits,
            "group": None,
            "activations": None,
            "weight_bytes": 1000 * bits,
            "loss": 4.5 + rise + 0.01 * seed,
            "loss_increase": rise,
            "non_finite": None,
        }
        for name, bits, rise in (("w16", 16, 0.0), ("w4", 4, 0.25), ("w2", 2, 1.75))
    }
    scored = {"weight_bytes": 32_000, "loss": 4.5 + 0.01 * seed, "tokens": 900, "documents": [{}, {}, {}]}
    return {"model": model, "seed": seed, **scored, "precisions": rows}


def early_exit_cell(model: str, seed: int) -> dict:
    rows = [
        {
            "depth": depth,
            "confidence": sure,
            "loss": loss,
            "mean_depth": mean,
            "flops": 1000 * mean,
            "on_front": True,
        }
        for depth, sure, mean, loss in ((1, None, 1, 5.5), (2, None, 2, 4.5), (None, 0.5, 1.5, 4.75))
    ]
    return {"model": model, "seed": seed, "tokens": 900, "rows": rows}
