"""One way to build any model: by the family that its configuration names."""

from __future__ import annotations

import importlib

import torch
from torch import nn

from resnetbk.models.language_model import LanguageModel
from resnetbk.params.models import Model


def build_model(config: Model, vocabulary_size: int, parameter_budget: int, seed: int) -> LanguageModel:
    """Build a model of about `parameter_budget` parameters on the CPU, in float32.

    The initial weights are a function of the arguments alone: they are drawn from a generator seeded here,
    and the caller's generator is left as it was. Only the family's own modules are imported.

    **Arguments:**
    - `config`: a member of `params.models`.
    - `vocabulary_size`: number of token ids.
    - `parameter_budget`: wanted number of parameters, with the (tied) embedding.
    - `seed`: seed of the initial weights, at least 0.

    **Returns:** the model, within 1 % of the budget.
    **Raises:** `UserError` when no shape of the family comes that near, or the mixer does not exist.
    """
    family = importlib.import_module(f"resnetbk.models.{config.family}")
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.default_generator.manual_seed(seed)
        model = family.build(config, vocabulary_size, parameter_budget)
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
    return model


def count_parameters(model: nn.Module) -> dict[str, int]:
    """Count a model's parameters, each tied one once.

    **Returns:** `total`, `embedding` (the tables that an index looks up: of tokens, which is the output projection
    too, and of positions where the family has one) and `non_embedding`.
    """
    total = sum(parameter.numel() for parameter in model.parameters())
    tables = {id(m.weight): m.weight.numel() for m in model.modules() if isinstance(m, nn.Embedding)}
    embedding = sum(tables.values())
    return {"total": total, "embedding": embedding, "non_embedding": total - embedding}
