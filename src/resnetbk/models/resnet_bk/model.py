"""The ResNet-BK language model: pre-norm residual layers between a tied embedding and its transpose.

B batch, N length, D model width, E inner width, V vocabulary.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from resnetbk.errors import UserError
from resnetbk.models.language_model import LanguageModel, State, exempt_from_weight_decay
from resnetbk.models.resnet_bk.block import EPSILON
from resnetbk.models.resnet_bk.layer import Layer
from resnetbk.models.resnet_bk.weights import EMBEDDING_STD
from resnetbk.params.models import ResNetBK


class ResNetBKModel(LanguageModel):
    """The model; which mixer, feed-forward layer and gradient it has is `config`'s to say.

    With a mixer that is not causal it is an encoder: `forward` alone, position by position.
    """

    def __init__(self, mixer: type[nn.Module], vocabulary_size: int, width: int, inner: int, config: ResNetBK):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width)
        nn.init.normal_(self.embedding.weight, std=EMBEDDING_STD)
        self.layers = nn.ModuleList(Layer(mixer, width, inner, config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(width, EPSILON)
        self.causal = mixer.causal
        self.mixer = config.mixer
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

    def initial_state(self, batch: int) -> State:
        """Return the layers' states before the first token.

        **Raises:** `UserError` when the mixer cannot go token by token.
        """
        self._require("initial_state")
        self._require("step")
        return tuple(layer.initial_state(batch) for layer in self.layers)

    def _step(self, tokens_BN: Tensor, state: State) -> tuple[Tensor, State]:
        x_BND, after = self.embedding(tokens_BN), []
        for layer, part in zip(self.layers, state, strict=True):
            x_BND, part = layer.step(x_BND, part)
            after.append(part)
        return F.linear(self.norm(x_BND), self.embedding.weight), tuple(after)

    def state_size(self, length: int) -> int:
        """Return the bytes of the layers' states; they do not grow with `length`.

        **Raises:** `UserError` when the mixer keeps none.
        """
        self._require("state_size")
        return sum(layer.state_size() for layer in self.layers)

    def auxiliary_loss(self) -> Tensor:
        """Return the losses of the mixtures' routers, summed; 0 without any."""
        losses = [module.balance_loss for module in self.modules() if hasattr(module, "balance_loss")]
        return sum(losses, super().auxiliary_loss())

    def _require(self, method: str) -> None:
        if not hasattr(self.layers[0].block.mixer, method):
            why = "it needs one to decode" if self.causal else "it reads in both directions and cannot decode"
            raise UserError(
                f"mixer {self.mixer!r} has no {method}: {why}; resnetbk/models/mixers/__init__.py says what a "
                "mixer has"
            )
