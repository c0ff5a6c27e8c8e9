"""Whole training steps of our models against Hugging Face's own classes, on the same weights and tokens.

B batch, L length, V vocabulary.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from transformers import LlamaForCausalLM, MambaForCausalLM, PreTrainedModel
from transformers.utils.import_utils import is_mambapy_available

from resnetbk.benchmark.paired import Ratio, paired_ratio
from resnetbk.benchmark.settings import Settings
from resnetbk.errors import UserError
from resnetbk.models.registry import build_model
from resnetbk.training.loss import next_token_loss
from resnetbk.training.optimiser import build_optimiser

AGREEMENT_TOKENS = 16  # a row's prefix on which both sides are compared and warmed up
AGREEMENT = 1e-3  # largest difference of a logit between two sides that do the same work

Forward = Callable[[Tensor], Tensor]


def time_training_steps(settings: Settings) -> dict[str, Ratio]:
    """Time the four pairs of training steps.

    **Arguments:** `settings`: `compared`, `parameter_budget`, `vocabulary_size`, `batch`, `length`, `pairs`.
    **Returns:** the ratios by their key. Of the two against Hugging Face's Mamba, theirs over ours; of the other
    two, ours over the other's.
    **Raises:** `UserError` when mambapy is not installed: Hugging Face would run its default instead, unasked.
    """
    if not is_mambapy_available():
        raise UserError(
            "the package mambapy is not installed, which the benchmark compares with; run `make setup`"
        )
    ours = {
        name: build_model(config, settings.vocabulary_size, settings.parameter_budget, seed=0)
        for name, config in settings.compared.items()
    }
    mamba, transformer = ours["mamba"], ours["transformer"]
    pairs = {
        "mamba_step_vs_hf_default": (original(MambaForCausalLM, mamba), mamba),
        "mamba_step_vs_hf_mambapy": (original(MambaForCausalLM, mamba, use_mambapy=True), mamba),
        "resnet_bk_step_vs_mamba_step": (ours["resnet_bk"], mamba),
        "transformer_step_vs_hf": (transformer, original(LlamaForCausalLM, transformer)),
    }
    tokens_BL, labels_BL = _batch(settings)
    ratios = {}
    for name, (numerator, denominator) in pairs.items():
        if name != "resnet_bk_step_vs_mamba_step":
            _require_agreement(numerator, denominator, tokens_BL[:, :AGREEMENT_TOKENS])
        steps = []
        for model in (numerator, denominator):
            training_step(model, tokens_BL[:, :AGREEMENT_TOKENS], labels_BL[:, :AGREEMENT_TOKENS])()
            steps.append(training_step(model, tokens_BL, labels_BL))
        ratios[name] = paired_ratio(*steps, settings.pairs[name])
    return ratios


def original(kind: type[PreTrainedModel], model: nn.Module, **changes: Any) -> PreTrainedModel:
    """Return Hugging Face's own class with the configuration and the weights of one of our models.

    **Arguments:** `kind`: the class; `model`: ours, whose state dict is that class's; `changes`: of its
    configuration.
    **Raises:** `AssertionError` when anything of this package stands in the class's way.
    """
    config = type(model.config).from_dict({**model.config.to_dict(), **changes})
    theirs = kind(config)
    theirs.load_state_dict(model.state_dict())
    require_unpatched(theirs)
    return theirs.train()


def require_unpatched(model: nn.Module) -> None:
    """Assert that no class, method or module-level function that a model is made of comes from this package."""
    for kind in {kind for module in model.modules() for kind in type(module).__mro__}:
        for name, value in [*vars(kind).items(), *vars(sys.modules[kind.__module__]).items(), ("", kind)]:
            source = str(getattr(value, "__module__", ""))
            assert not source.startswith("resnetbk"), f"{kind.__qualname__}: {name or 'it'} comes from {source}"


def training_step(model: nn.Module, tokens_BL: Tensor, labels_BL: Tensor) -> Callable[[], None]:
    """Return a whole training step: forward, cross entropy, backward, AdamW.

    The learning rate is 0: AdamW does all of its arithmetic, and every repeat starts from the same weights.
    """
    optimiser = build_optimiser(model, weight_decay=0.1, beta1=0.9, beta2=0.95)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        next_token_loss(logits(model, tokens_BL), labels_BL).backward()
        optimiser.step()

    return step


def logits(model: nn.Module, tokens_BL: Tensor) -> Tensor:
    """Return the logits [B, L, V] of our models or of Hugging Face's."""
    if isinstance(model, PreTrainedModel) and type(model).__module__.startswith("transformers."):
        return model(input_ids=tokens_BL, use_cache=False).logits
    return model(tokens_BL)


def _batch(settings: Settings) -> tuple[Tensor, Tensor]:
    """Return tokens and labels drawn at random: their values do not change the work."""
    generator = torch.Generator().manual_seed(0)
    shape = settings.batch, settings.length + 1
    rows_BL = torch.randint(settings.vocabulary_size, shape, generator=generator)
    return rows_BL[:, :-1].contiguous(), rows_BL[:, 1:].contiguous()


@torch.no_grad()
def _require_agreement(one: nn.Module, other: nn.Module, tokens_BL: Tensor) -> None:
    """Assert that two models give the same logits, so that it is the same work that is timed."""
    difference = (logits(one, tokens_BL) - logits(other, tokens_BL)).abs().max().item()
    assert difference <= AGREEMENT, f"{type(one).__name__} and {type(other).__name__} differ by {difference}"
