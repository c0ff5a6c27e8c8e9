"""Peak memory in a process of its own: what does not fit, and what fails."""

import pytest
from tests.models.model_configs import resnet_bk, transformer

from resnetbk.benchmark.memory import peak_memory

SIZES = {"vocabulary_size": 64, "parameter_budget": 30_000, "threads": 1}


def test_a_step_that_does_not_fit_is_no_number_and_no_crash():
    assert peak_memory(transformer(layers=1), length=2**42, **SIZES) is None


def test_another_failure_is_not_taken_for_want_of_memory():
    with pytest.raises(RuntimeError, match="no_such_mixer"):
        peak_memory(resnet_bk(mixer="no_such_mixer"), length=8, **SIZES)
