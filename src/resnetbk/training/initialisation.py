"""Did a model start from its own initialisation?

A baseline whose initial weights were touched is no baseline: Mamba with its step-size bias wiped trains worse, and
nothing tells.
"""

from __future__ import annotations

from typing import Literal

import torch

from resnetbk.models.language_model import LanguageModel

Initialisation = Literal["original", "changed", "own"]


def initialisation(model: LanguageModel, seed: int) -> Initialisation:
    """Compare the initial weights of a model with those of the class of Hugging Face's that it is built on.

    **Arguments:** `model`: as `build_model` returned it for `seed`, untrained.
    **Returns:** `original` when every weight is, bit for bit, what that class draws from the same seed and
    configuration; `changed` when one is not; `own` for a model that is built on none or has other weights than it.
    """
    kinds = type(model).__mro__
    original = next((kind for kind in kinds if kind.__module__.startswith("transformers.models.")), None)
    if original is None:
        return "own"
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.default_generator.manual_seed(seed)
        expected = original(model.config).state_dict()
    found = model.state_dict()
    if found.keys() != expected.keys():
        return "own"
    return "original" if all(torch.equal(found[name], expected[name]) for name in expected) else "changed"
