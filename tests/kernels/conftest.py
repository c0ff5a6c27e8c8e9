from __future__ import annotations

import pytest
from tests.kernels.cases import GENERATOR, KERNELS, Kernel


@pytest.fixture(params=KERNELS)
def kernel(request: pytest.FixtureRequest) -> Kernel:
    GENERATOR.manual_seed(0)
    return KERNELS[request.param]
