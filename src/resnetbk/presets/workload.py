"""What a run of parameters makes its models do: how many training steps of which size, and tokens read besides."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from resnetbk.params import Params
from resnetbk.params.corpus import Tokenizer
from resnetbk.params.models import Model
from resnetbk.tasks.generators import load_generator

VOCABULARIES = {"gpt2": 50_257, "bytes": 257}  # with the end of text


@dataclass(frozen=True)
class Shape:
    """What decides the cost of one part of a training step: a model and a batch."""

    config: Model
    vocabulary_size: int
    parameter_budget: int
    batch: int
    length: int


@dataclass(frozen=True)
class Work:
    """All that one model is made to do at one shape.

    `parts`: forward and backward passes over a batch, of all its cells together; `tokens_read`: of forward passes
    alone, at most: a model whose state grows may stop before.
    """

    name: str
    shape: Shape
    parts: int
    tokens_read: int


def workload(params: Params) -> Iterator[Work]:
    """Yield what the models of a run do: tuning, training and validation, then the battery's tasks.

    Left out are the audits and the evaluation on the test split, whose length no parameter says.
    """
    run, tune, train = params.run, params.tune, params.train
    trials, seeds = len(tune.learning_rates) * len(tune.weight_decays) * len(tune.seeds), len(run.seeds)
    validations = trials * tune.validation_batches
    validations += seeds * math.ceil(train.steps / train.validation_interval) * train.validation_batches
    for name in run.models:
        shape = Shape(
            params.models[name],
            vocabulary_size(params.prepare.tokenizer),
            run.parameter_budget,
            train.batch_size,
            train.length,
        )
        parts = (trials * tune.steps + seeds * train.steps) * train.accumulation
        read = validations * train.batch_size * train.length + seeds * _battery_tokens(params, name)
        yield Work(name, shape, parts, read)
    for key in params.battery.tasks:
        task = params.tasks[key]
        size = load_generator(task.kind).vocabulary_size(task)
        for name in params.battery.task_models:
            config = params.models[name].model_copy(update={"layers": task.layers})
            shape = Shape(config, size, task.parameter_budget, task.batch_size, task.length)
            yield Work(f"{name} on {key}", shape, trials * task.tune_steps + seeds * task.steps, 0)


def vocabulary_size(tokenizer: Tokenizer) -> int:
    """Return the number of token ids that a tokenizer is asked for."""
    return tokenizer.vocabulary_size if tokenizer.kind == "bpe" else VOCABULARIES[tokenizer.kind]


def _battery_tokens(params: Params, name: str) -> int:
    """Return the tokens that the battery has one trained model read."""
    battery, context, quantise = params.battery, params.context, params.quantise
    batch = params.evaluate.batch_size * params.evaluate.length
    tokens = 0
    if name in battery.context_models:
        tokens += len(context.multiples) * context.window_tokens + context.stream_tokens
        tokens += len(context.out_of_domain) * (context.window_tokens + context.stream_tokens)
    if name in battery.quantise_models:
        tokens += (1 + len(quantise.precisions)) * (quantise.batches or 0) * batch
    if name in battery.early_exit_models:
        tokens += (params.early_exit.batches or 0) * batch
    return tokens
