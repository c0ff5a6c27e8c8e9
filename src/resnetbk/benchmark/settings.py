"""What is measured at which size, and what was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from resnetbk.params import models as params


class Target(NamedTuple):
    """The figure that a measurement was asked to reach, and from which side."""

    kind: Literal["at least", "at most"]
    value: float

    def reached(self, measured: float) -> bool:
        return measured >= self.value if self.kind == "at least" else measured <= self.value


TARGETS: dict[str, Target] = {
    "mamba_step_vs_hf_default": Target("at least", 250),
    "mamba_step_vs_hf_mambapy": Target("at least", 11),
    "resnet_bk_step_vs_mamba_step": Target("at most", 1),
    "transformer_step_vs_hf": Target("at most", 1),
    "propagator_scan_vs_copy": Target("at least", 0.7),
    "selective_scan_ns_per_state_forward": Target("at most", 0.6),
    "selective_scan_ns_per_state_backward": Target("at most", 1.5),
    "time_per_token_slope_1k_to_1m": Target("at most", 1.05),
}


def _compared() -> dict[str, params.Model]:
    return {
        "resnet_bk": params.ResNetBK(
            family="resnet_bk",
            layers=4,
            mixer="propagator",
            heads=32,
            energies=1,
            eta=1e-3,
            convolution=4,
            ffn={"kind": "none"},
            hybrid_gradient=0.0,
        ),
        "mamba": params.Mamba(family="mamba", layers=4, state_size=16, convolution=4, expand=2),
        "transformer": params.Transformer(
            family="transformer", layers=4, heads=4, ffn_ratio=2.6667, rope_theta=10000.0
        ),
    }


@dataclass(frozen=True)
class ScanShape:
    """The scans of one layer of the compared models: batch, length, channels, states a channel, heads."""

    batch: int = 4
    length: int = 256
    channels: int = 512
    states: int = 16
    heads: int = 32


@dataclass(frozen=True)
class Settings:
    """The sizes of a benchmark. The defaults are those that the targets speak of.

    `compared` are the models whose training steps are timed, with `parameter_budget` parameters, on batches of
    `batch` x `length` tokens; `pairs` says how often, by measurement. `models` (with `model_budget` parameters,
    for a start those of params.yaml) are streamed, decoded and weighed, each as far as its kind can go.
    """

    models: Mapping[str, params.Model]
    model_budget: int
    threads: int
    vocabulary_size: int = 2048
    compared: Mapping[str, params.Model] = field(default_factory=_compared)
    parameter_budget: int = 2_280_000
    batch: int = 4
    length: int = 256
    pairs: Mapping[str, int] = field(
        default_factory=lambda: {
            "mamba_step_vs_hf_default": 3,
            "mamba_step_vs_hf_mambapy": 9,
            "resnet_bk_step_vs_mamba_step": 31,
            "transformer_step_vs_hf": 31,
        }
    )
    scan: ScanShape = ScanShape()
    scan_repeats: int = 101
    stream_lengths: tuple[int, ...] = tuple(4**power for power in range(5, 11))  # 1,024 to 1,048,576
    stream_chunk: int = 1024
    stream_tokens: int = 2**19  # a length is repeated until so many tokens are done: once to five times
    growing_lengths: tuple[int, ...] = (1024, 4096, 16384)  # for a state that grows with what was read
    decode_tokens: int = 256
    decode_rounds: int = 5
    memory_lengths: tuple[int, ...] = (1024, 4096, 16384)
