"""The ResNet-BK language model: pre-norm residual layers between a tied embedding and its transpose.

B batch, N length, D model width, E inner width, V vocabulary.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from resnetbk.models.language_model import LanguageModel, exempt_from_weight_decay
from resnetbk.models.resnet_bk.block import EPSILON, MixerBlock
from resnetbk.models.sizing import even
from resnetbk.params import ResNetBK

EMBEDDING_STD = 0.02


class Layer(nn.Module):
    """A mixer block and, if the configuration has one, a feed-forward block.

    **Arguments:** `mixer`: the class. `width`: D. `inner`: E. `config`: the model's section of params.yaml.
    """

    def __init__(self, mixer: type[nn.Module], width: int, inner: int, config: ResNetBK):
        super().__init__()
        self.block = MixerBlock(
            mixer(inner, config),
            width=width,
            inner=inner,
            kernel=config.convolution,
            scale=residual_scale(config),
        )
        self.feed_forward = build_feed_forward(width, config)

    def forward(self, x_BND: Tensor) -> Tensor:
        x_BND = self.block(x_BND)
        return x_BND if self.feed_forward is None else self.feed_forward(x_BND)


class FeedForwardBlock(nn.Module):
    """x + layer(RMSNorm(x))."""

    def __init__(self, width: int, layer: nn.Module):
        super().__init__()
        self.norm = nn.RMSNorm(width, EPSILON)
        self.layer = layer

    def forward(self, x_BND: Tensor) -> Tensor:
        return x_BND + self.layer(self.norm(x_BND))


class ResNetBKModel(LanguageModel):
    """The model; which mixer, feed-forward layer and gradient it has is `config`'s to say."""

    def __init__(self, mixer: type[nn.Module], vocabulary_size: int, width: int, inner: int, config: ResNetBK):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width)
        nn.init.normal_(self.embedding.weight, std=EMBEDDING_STD)
        self.layers = nn.ModuleList(Layer(mixer, width, inner, config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(width, EPSILON)
        self.causal = mixer.causal
        self.dimensions = {
            "layers": config.layers,
            "width": width,
            "inner_width": inner,
            "heads": config.heads,
        }
        exempt_from_weight_decay(self)

    def forward(self, tokens_BN: Tensor) -> Tensor:
        x_BND = self.embedding(tokens_BN)
        for layer in self.layers:
            x_BND = layer(x_BND)
        return F.linear(self.norm(x_BND), self.embedding.weight)

    def state_size(self, length: int) -> int:
        """Return the bytes of the mixers' and convolutions' states; they do not grow with `length`."""
        return sum(layer.block.state_size() for layer in self.layers)

    def auxiliary_loss(self) -> Tensor:
        """Return the load-balance losses of the mixtures of experts, summed; 0 without any."""
        losses = [module.balance_loss for module in self.modules() if hasattr(module, "balance_loss")]
        return sum(losses, super().auxiliary_loss())


def residual_scale(config: ResNetBK) -> float:
    """Return the factor on initial output projections: the residual stream sums one output per layer."""
    return config.layers**-0.5


def build_feed_forward(width: int, config: ResNetBK) -> FeedForwardBlock | None:
    """Build what `config.ffn` asks for; the modules of the other kinds are not imported."""
    ffn, scale = config.ffn, residual_scale(config)
    if ffn.kind == "none":
        return None
    hidden = even(ffn.ratio * width)
    if ffn.kind == "dense":
        from resnetbk.models.resnet_bk.feed_forward import SwiGLU

        return FeedForwardBlock(width, SwiGLU(width, hidden, scale))
    from resnetbk.models.resnet_bk.mixture_of_experts import MixtureOfExperts

    mixture = MixtureOfExperts(
        width, hidden, experts=ffn.experts, top_k=ffn.top_k, load_balance=ffn.load_balance, scale=scale
    )
    return FeedForwardBlock(width, mixture)
