"""What the tests of models share: one thread, every configuration, a batch of tokens."""

import pytest
import torch
from tests.models.model_configs import CONFIGS, VOCABULARY
from tests.one_thread import one_thread  # noqa: F401 - a fixture


@pytest.fixture(params=CONFIGS)
def config(request):
    return CONFIGS[request.param]


@pytest.fixture
def tokens_BL():
    return torch.randint(VOCABULARY, (2, 24), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def largest_earlier_change(tokens_BL):
    """Return how far logits before a position move when the token there is replaced; 0.0 means to the bit."""

    def measure(model, position: int = 13) -> float:
        changed_BL = tokens_BL.clone()
        changed_BL[:, position] = (changed_BL[:, position] + 1) % VOCABULARY
        with torch.no_grad():
            before_BLV, after_BLV = model(tokens_BL), model(changed_BL)
        assert not torch.equal(before_BLV[:, position:], after_BLV[:, position:])
        return (before_BLV - after_BLV)[:, :position].abs().max().item()

    return measure
