"""At the start a ResNet-BK is its embedding: the layers hardly write, so none has to undo another's noise."""

import pytest
import torch
from tests.models.model_configs import BUDGET, CONFIGS, VOCABULARY

from resnetbk.models.registry import build_model
from resnetbk.models.resnet_bk.weights import matrix

BLOCKS = [name for name, config in CONFIGS.items() if config.family == "resnet_bk"]


def written(model, tokens_BL):
    """Return what the layers add to the residual stream, in sizes of the embedding."""
    with torch.no_grad():
        x_BND = first_BND = model.embedding(tokens_BL)
        for layer in model.layers:
            x_BND = layer(x_BND)
        return ((x_BND - first_BND).square().mean() / first_BND.square().mean()).sqrt()


@pytest.mark.parametrize("name", BLOCKS)
def test_the_layers_hardly_write(name, tokens_BL):
    model = build_model(CONFIGS[name], VOCABULARY, BUDGET, 0)
    assert 0 < written(model, tokens_BL) < 0.3
    for layer in model.layers:  # with full output projections they drown it
        layer.block.w_out = matrix(*layer.block.w_out.shape)
    assert written(model, tokens_BL) > 3
