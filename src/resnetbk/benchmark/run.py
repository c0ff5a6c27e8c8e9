"""The whole benchmark: everything measured, the figures taken from it, and what they were measured on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch

from resnetbk.benchmark.memory import peak_memory
from resnetbk.benchmark.paired import threads
from resnetbk.benchmark.record import measured_on
from resnetbk.benchmark.scans import propagator_against_copy, selective_scan_times
from resnetbk.benchmark.settings import Settings
from resnetbk.benchmark.streams import decoding_speeds, keeps_its_state_small, slope, stream_lengths
from resnetbk.benchmark.training_steps import time_training_steps
from resnetbk.models.language_model import LanguageModel
from resnetbk.models.registry import build_model

PACKAGES = ("mambapy", "numba", "numpy", "torch", "transformers")


def run_benchmark(settings: Settings, say: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Measure everything, on an otherwise idle machine.

    **Arguments:** `settings`: the sizes; `say`: told what is measured next.
    **Returns:** a dict for JSON: `ratios`, `selective_scan_ns_per_state`, `stream`, `decode_tokens_per_second`,
    `peak_memory_bytes`, `settings` and `environment`; times in seconds, each with its quartiles and repeats.
    """
    with threads(settings.threads):
        say("training steps (one of Hugging Face's Mamba takes half a minute) ...")
        ratios = time_training_steps(settings)
        say("scans ...")
        ratios["propagator_scan_vs_copy"] = propagator_against_copy(settings.scan, settings.scan_repeats)
        selective = selective_scan_times(settings.scan, settings.scan_repeats)
        models = {
            name: build_model(config, settings.vocabulary_size, settings.model_budget, seed=0).eval()
            for name, config in settings.models.items()
        }
        streams = {}
        for name, model in models.items():
            say(f"long sequences through {name} ...")
            streams[name] = _stream(model, _within_context(settings, name), settings)
        say("decoding ...")
        speeds = decoding_speeds(models, settings.decode_tokens, settings.decode_rounds)
        environment = _environment()
    say("memory ...")
    return {
        "ratios": {name: asdict(ratio) for name, ratio in ratios.items()},
        "selective_scan_ns_per_state": {way: asdict(times) for way, times in selective.items()},
        "stream": streams,
        "decode_tokens_per_second": {name: asdict(speed) for name, speed in speeds.items()},
        "peak_memory_bytes": _memory(settings),
        "settings": _describe(settings),
        "environment": environment,
    }


def figures(details: dict[str, Any]) -> dict[str, Any]:
    """Return the figures that a reader asks for, taken from what `run_benchmark` returned.

    **Returns:** for each measurement its median; by model, and by length as text, where it has them.
    """
    selective = details["selective_scan_ns_per_state"]
    return {
        **{name: ratio["ratio"]["median"] for name, ratio in details["ratios"].items()},
        **{f"selective_scan_ns_per_state_{way}": selective[way]["median"] for way in ("forward", "backward")},
        "time_per_token_slope_1k_to_1m": {
            name: stream["slope"] for name, stream in details["stream"].items() if stream["constant_state"]
        },
        "decode_state_bytes": {name: stream["state_bytes"] for name, stream in details["stream"].items()},
        "decode_tokens_per_second": {
            name: speed["median"] for name, speed in details["decode_tokens_per_second"].items()
        },
        "peak_memory_bytes": details["peak_memory_bytes"],
    }


def _stream(model: LanguageModel, longest: int | None, settings: Settings) -> dict[str, Any]:
    constant = keeps_its_state_small(model)
    lengths = settings.stream_lengths if constant else settings.growing_lengths
    lengths = [length for length in lengths if longest is None or length <= longest]
    seconds, held = stream_lengths(
        model, lengths, settings.stream_chunk, settings.vocabulary_size, settings.stream_tokens
    )
    return {
        "constant_state": constant,
        "slope": slope({length: times.median for length, times in seconds.items()}) if constant else None,
        "seconds": {str(length): asdict(times) for length, times in seconds.items()},
        "state_bytes": {str(length): size for length, size in held.items()},
    }


def _memory(settings: Settings) -> dict[str, dict[str, int | None]]:
    return {
        name: {
            str(length): peak_memory(
                config,
                length=length,
                vocabulary_size=settings.vocabulary_size,
                parameter_budget=settings.model_budget,
                threads=settings.threads,
            )
            for length in settings.memory_lengths
            if (longest := _within_context(settings, name)) is None or length <= longest
        }
        for name, config in settings.models.items()
    }


def _within_context(settings: Settings, name: str) -> int | None:
    """Return the longest sequence that a model can read, None without a limit."""
    return getattr(settings.models[name], "context", None)


def _describe(settings: Settings) -> dict[str, Any]:
    described = asdict(settings)
    for group in ("models", "compared"):
        described[group] = {name: config.model_dump() for name, config in getattr(settings, group).items()}
    return described


def _environment() -> dict[str, Any]:
    """Return what the times depend on."""
    found = measured_on("python", "torch", "environment", "packages")
    packages = {name: found["packages"].get(name) for name in PACKAGES}
    return {**found, "packages": packages, "threads": torch.get_num_threads()}
