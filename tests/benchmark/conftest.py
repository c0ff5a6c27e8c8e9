"""A benchmark of small models, really run once."""

import pytest
from tests.models.model_configs import mamba, resnet_bk, transformer
from tests.one_thread import one_thread  # noqa: F401 - a fixture

from resnetbk.benchmark.run import run_benchmark
from resnetbk.benchmark.settings import ScanShape, Settings

MODELS = {"resnet_bk": resnet_bk(layers=1), "transformer": transformer(layers=1)}


@pytest.fixture(scope="session")
def small_settings():
    return Settings(
        models=MODELS,
        model_budget=30_000,
        threads=1,
        vocabulary_size=64,
        compared={**MODELS, "mamba": mamba(layers=1)},
        parameter_budget=30_000,
        batch=2,
        length=24,
        pairs={
            "mamba_step_vs_hf_default": 2,
            "mamba_step_vs_hf_mambapy": 2,
            "resnet_bk_step_vs_mamba_step": 3,
            "transformer_step_vs_hf": 3,
        },
        scan=ScanShape(batch=2, length=24, channels=32, states=4, heads=4),
        scan_repeats=3,
        stream_lengths=(32, 64, 128, 256),
        stream_chunk=48,
        stream_tokens=256,
        growing_lengths=(32, 64),
        decode_tokens=8,
        decode_rounds=2,
        memory_lengths=(2048,),
    )


@pytest.fixture(scope="session")
def details(small_settings):
    return run_benchmark(small_settings)
