"""ResNet-BK: a language model whose token mixer is a causal resolvent, or any other file of `mixers`."""

from __future__ import annotations

import difflib
import importlib
import math
import pkgutil
from functools import cache

import torch
from torch import nn

from resnetbk.errors import UserError
from resnetbk.models import mixers
from resnetbk.models.resnet_bk.feed_forward_block import build_feed_forward
from resnetbk.models.resnet_bk.model import ResNetBKModel
from resnetbk.models.sizing import Shape, fit
from resnetbk.params.models import ResNetBK

EXPANSION = 2  # natural inner width in model widths, as in Mamba
EXPANSION_RANGE = 0.25  # the inner width may leave that by this fraction to meet the budget


def build(config: ResNetBK, vocabulary_size: int, parameter_budget: int) -> ResNetBKModel:
    """Build a ResNet-BK of the given budget; the inner width, in whole channels a head, takes up the rest."""
    mixer = load_mixer(config.mixer)
    if config.hybrid_gradient and not getattr(mixer, "takes_hybrid_gradient", False):
        raise UserError(
            f"models: hybrid_gradient is {config.hybrid_gradient}, but mixer {config.mixer!r} has no such "
            "gradient; set it to 0, or choose a mixer that has, such as propagator"
        )

    def shapes(width: int) -> list[Shape]:
        natural = EXPANSION * width / config.heads  # channels of a head
        channels = {max(1, round(natural))} | set(
            range(math.ceil(natural * (1 - EXPANSION_RANGE)), int(natural * (1 + EXPANSION_RANGE)) + 1)
        )
        return sorted(
            (Shape(width, p * config.heads, abs(math.log(p / natural))) for p in channels if p),
            key=lambda shape: shape.deviation,
        )

    @cache
    def mixer_size(inner: int) -> int:
        with torch.device("meta"):  # shapes without values
            return size(mixer(inner, config))

    @cache
    def feed_forward_size(width: int) -> int:
        with torch.device("meta"):
            return size(build_feed_forward(width, config))

    def count(shape: Shape) -> int:
        width, inner, _ = shape
        block = 3 * width * inner + (config.convolution + 3) * inner + width + mixer_size(inner)
        return vocabulary_size * width + config.layers * (block + feed_forward_size(width)) + width

    shape = fit(
        shapes, count, step=2, budget=parameter_budget, vocabulary_size=vocabulary_size, family="resnet_bk"
    )
    model = ResNetBKModel(mixer, vocabulary_size, shape.width, shape.inner, config)
    assert size(model) == count(shape), "a change of the block is missing from count"
    return model


def size(module: nn.Module | None) -> int:
    """Return the number of parameters, 0 for no module."""
    return sum(parameter.numel() for parameter in module.parameters()) if module is not None else 0


def load_mixer(name: str) -> type[nn.Module]:
    """Return the class `Mixer` of the file `name` in `resnetbk/models/mixers/`.

    **Raises:** `UserError` when there is no such file, naming the nearest, or no such class in it.
    """
    known = sorted(module.name for module in pkgutil.iter_modules(mixers.__path__))
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known mixers: {', '.join(known)}"
        raise UserError(f"mixer {name!r}: no file {name}.py in {mixers.__path__[0]}; {hint}")
    module = importlib.import_module(f"{mixers.__name__}.{name}")
    mixer = getattr(module, "Mixer", None)
    if not hasattr(mixer, "causal"):
        raise UserError(
            f"{module.__file__}: expected a class Mixer with an attribute `causal`; "
            "resnetbk/models/mixers/__init__.py says what a mixer has"
        )
    return mixer
