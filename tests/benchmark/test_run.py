"""The whole of a small benchmark: its figures, its record and its page."""

import json
import math

from tests.benchmark.conftest import MODELS

from resnetbk.benchmark.page import render_page
from resnetbk.benchmark.run import figures
from resnetbk.benchmark.settings import TARGETS, Settings, Target

BY_LENGTH = {"decode_state_bytes": ("32", "64"), "peak_memory_bytes": ("2048",)}


def test_the_figures_are_those_that_were_asked_for(details):
    measured = figures(details)
    assert list(measured) == [
        "mamba_step_vs_hf_default",
        "mamba_step_vs_hf_mambapy",
        "resnet_bk_step_vs_mamba_step",
        "transformer_step_vs_hf",
        "propagator_scan_vs_copy",
        "selective_scan_ns_per_state_forward",
        "selective_scan_ns_per_state_backward",
        "time_per_token_slope_1k_to_1m",
        "decode_state_bytes",
        "decode_tokens_per_second",
        "peak_memory_bytes",
    ]
    assert TARGETS.keys() <= measured.keys()
    for name in list(measured)[:7]:
        assert math.isfinite(measured[name]) and measured[name] > 0
    assert measured["time_per_token_slope_1k_to_1m"].keys() == {"resnet_bk"}  # the transformer's state grows
    assert measured["decode_tokens_per_second"].keys() == MODELS.keys()
    for name, lengths in BY_LENGTH.items():
        for model in MODELS:
            assert set(lengths) <= measured[name][model].keys()


def test_the_state_grows_where_it_should(details):
    states = figures(details)["decode_state_bytes"]
    assert len(set(states["resnet_bk"].values())) == 1
    assert states["transformer"]["64"] == 2 * states["transformer"]["32"]


def test_memory_holds_what_a_step_cannot_do_without_and_not_the_whole_process(details, small_settings):
    weights_and_gradients = 2 * 4 * 0.99 * small_settings.model_budget
    logits_and_gradient = 2 * 4 * 2048 * small_settings.vocabulary_size
    for model in MODELS:
        peak = figures(details)["peak_memory_bytes"][model]["2048"]
        assert weights_and_gradients + logits_and_gradient < peak < 100e6  # with torch it holds 300 MB


def test_the_record_says_what_was_measured_where(details):
    read = json.loads(json.dumps(details, allow_nan=False))
    assert read["environment"]["threads"] == 1
    assert read["environment"]["cpu"]["model"]
    assert read["environment"]["packages"]["transformers"]
    assert read["settings"]["compared"]["mamba"]["family"] == "mamba"
    assert read["settings"]["length"] == 24
    quartiles = read["ratios"]["transformer_step_vs_hf"]["ratio"]
    assert quartiles["lower_quartile"] <= quartiles["median"] <= quartiles["upper_quartile"]


def test_the_page_shows_each_figure_beside_what_was_asked(details):
    read = json.loads(json.dumps(details))
    page = render_page(read).decode()
    for target in TARGETS.values():
        assert f"{target.kind} {target.value:g}" in page
    assert f"of {len(TARGETS)} figures reached" in page
    assert "index.html" in page
    assert "http" not in page


def test_the_page_says_when_a_figure_falls_short(details):
    read = json.loads(json.dumps(details))
    read["ratios"]["mamba_step_vs_hf_default"]["ratio"]["median"] = 249.0
    short = render_page(read).decode()
    read["ratios"]["mamba_step_vs_hf_default"]["ratio"]["median"] = 250.0
    assert render_page(read).decode().count("<span>yes</span>") == short.count("<span>yes</span>") + 1


def test_what_does_not_fit_is_said(details):
    read = json.loads(json.dumps(details))
    read["peak_memory_bytes"]["transformer"]["2048"] = None
    assert "does not fit" in render_page(read).decode()


def test_targets_have_a_side():
    assert Target("at least", 250).reached(250) and not Target("at least", 250).reached(249.9)
    assert Target("at most", 1).reached(1) and not Target("at most", 1).reached(1.001)


def test_the_sizes_are_those_of_the_figures():
    settings = Settings(models={}, model_budget=1, threads=2)
    assert (settings.parameter_budget, settings.batch, settings.length) == (2_280_000, 4, 256)
    assert settings.stream_lengths == (1024, 4096, 16384, 65536, 262144, 1048576)
