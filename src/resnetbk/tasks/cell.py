"""One cell of the battery: a model tuned on a task, trained with every seed and tested at several lengths."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from resnetbk.audit.code import verify_code
from resnetbk.models.language_model import LanguageModel
from resnetbk.models.registry import build_model, count_parameters
from resnetbk.params import Params
from resnetbk.params.tasks import Task
from resnetbk.repro.levels import enforce
from resnetbk.repro.rounding import rounded
from resnetbk.tasks.batches import task_batch
from resnetbk.tasks.generators import load_generator
from resnetbk.tasks.scores import score
from resnetbk.tasks.training import Recipe, Row, train_on_task
from resnetbk.training.divergence import DivergenceError
from resnetbk.training.progress import Progress
from resnetbk.tuning.choice import best_trial, outcome

Build = Callable[[int], LanguageModel]


def task_cell(params: Params, task_name: str, model_name: str, *, root: Path) -> dict[str, Any]:
    """Tune a model on a task, train it with every seed of the run, and test it at every length.

    Each pair of `tune.learning_rates` and `tune.weight_decays` is tried with `tune.seeds`; the one with the lowest
    mean validation loss trains all seeds. A training that diverges is an outcome like any other. Test rows are the
    same for every model and seed.

    **Arguments:** `task_name`, `model_name`: entries of `tasks` and `models`; `root`: the repository, with the
    model's audit.
    **Returns:** the content of metrics/tasks/{task}-{model}.json: the task and its `chance`; `parameters` and
    `dimensions` of the model; `trials` and the `choice` of them (null when all diverged); the tokens of tuning and
    of one seed's training; and for each of `seeds` its validation curve, where it diverged, and its `tests`, with
    the bytes of state at each length.
    **Raises:** `UserError` when the model's code is not the code that was audited, or no shape of the model meets
    the task's budget.
    """
    enforce(params.run.determinism)
    task: Task = params.tasks[task_name]
    generator = load_generator(task.kind)
    vocabulary_size = generator.vocabulary_size(task)
    config = params.models[model_name].model_copy(update={"layers": task.layers})

    def build(seed: int) -> LanguageModel:
        return build_model(config, vocabulary_size, task.parameter_budget, seed)

    model = build(params.tune.seeds[0])
    verify_code(root / f"metrics/audit/{model_name}.json")
    label = f"{task_name}-{model_name}"
    trials = _tune(params, task, build, label)
    choice = best_trial(trials, params.tune)
    record = {
        "task": task_name,
        "model": model_name,
        "definition": task.model_dump(mode="json"),
        "chance": generator.chance(task),
        "vocabulary_size": vocabulary_size,
        "parameters": count_parameters(model),
        "dimensions": model.dimensions,
        "trials": trials,
        "choice": choice,
        "tokens": {
            "tuning": sum(
                _tokens(task, run["diverged_at"] or task.tune_steps) for trial in trials for run in trial["runs"]
            ),
            "training": _tokens(task, task.steps),
        },
        "seeds": [_run(params, task, build, seed, choice, label) for seed in params.run.seeds] if choice else [],
    }
    return rounded(record)


def _tune(params: Params, task: Task, build: Build, label: str) -> list[dict[str, Any]]:
    """Return every trial: its rates and what `outcome` makes of its runs, each with its curve."""
    pairs = [(rate, decay) for rate in params.tune.learning_rates for decay in params.tune.weight_decays]
    trials = []
    for number, (rate, decay) in enumerate(pairs, start=1):
        name = f"{label} trial {number}/{len(pairs)}"
        runs = [_try(task, build, _recipe(params, rate, decay), seed, name) for seed in params.tune.seeds]
        trials.append({"learning_rate": rate, "weight_decay": decay, **outcome(runs)})
    return trials


def _try(task: Task, build: Build, recipe: Recipe, seed: int, label: str) -> dict[str, Any]:
    """Return what one seed made of the rates of a trial."""
    curve, diverged_at = _train(
        build(seed), task, recipe, steps=task.tune_steps, seed=seed, label=f"{label} seed {seed}"
    )
    return {
        "seed": seed,
        "validation_loss": curve[-1]["validation_loss"] if curve else None,
        "diverged_at": diverged_at,
        "curve": curve,
    }


def _run(
    params: Params, task: Task, build: Build, seed: int, choice: dict[str, Any], label: str
) -> dict[str, Any]:
    """Return what one seed made of the chosen rates."""
    model = build(seed)
    recipe = _recipe(params, choice["learning_rate"], choice["weight_decay"])
    curve, diverged_at = _train(model, task, recipe, steps=task.steps, seed=seed, label=f"{label} seed {seed}")
    tests = [] if diverged_at else [_test(model, task, multiple) for multiple in task.test_multiples]
    return {"seed": seed, "diverged_at": diverged_at, "curve": curve, "tests": tests}


def _train(
    model: LanguageModel, task: Task, recipe: Recipe, *, steps: int, seed: int, label: str
) -> tuple[list[Row], int | None]:
    """Train and return the curve, or an empty one and the step that diverged."""
    with closing(Progress(label, steps=steps, tokens_per_step=_tokens(task, 1))) as progress:
        try:
            return train_on_task(model, task, recipe, steps=steps, seed=seed, on_step=progress.update), None
        except DivergenceError as error:
            return [], error.step


def _test(model: LanguageModel, task: Task, multiple: int) -> dict[str, Any]:
    """Score the test rows of one length, about as many tokens at a time as a training step has."""
    length = multiple * task.length
    batch = task_batch(task, "test", seed=0, step=0, rows=task.test_rows, length=length)
    scores = score(model, batch, rows=max(1, task.batch_size // multiple), buckets=task.distance_buckets)
    return {"length": length, "state_bytes": model.state_size(length), **scores}


def _recipe(params: Params, rate: float, decay: float) -> Recipe:
    train = params.train
    return Recipe(rate, decay, train.beta1, train.beta2, train.gradient_clip)


def _tokens(task: Task, steps: int) -> int:
    return steps * task.batch_size * task.length
