"""The tables of the benchmark's page."""

from __future__ import annotations

from typing import Any

from resnetbk.benchmark.settings import TARGETS
from resnetbk.report.numbers import NOTHING, fixed
from resnetbk.report.tables import Row, Table

_TITLES = {
    "mamba_step_vs_hf_default": "Mamba's step:\nHugging Face over ours",
    "mamba_step_vs_hf_mambapy": "Mamba's step:\nmambapy over ours",
    "resnet_bk_step_vs_mamba_step": "Steps of ours:\nResNet-BK over Mamba",
    "transformer_step_vs_hf": "Transformer's step:\nours over Hugging Face",
    "propagator_scan_vs_copy": "Propagator scan:\ncopy over scan",
    "selective_scan_ns_per_state_forward": "Selective scan:\nns a state, forward",
    "selective_scan_ns_per_state_backward": "Selective scan:\nns a state, backward",
    "time_per_token_slope_1k_to_1m": "Slope of log-time:",
}


def figures_table(details: dict[str, Any], figures: dict[str, Any]) -> Table:
    """Every figure that was asked for, beside what was measured."""
    rows = []
    for name, target in TARGETS.items():
        for model, value in by_model(figures[name]):
            cells = [
                f"{_significant(value)}{_quartiles(details, name)}",
                f"{target.kind} {target.value:g}",
                "yes" if target.reached(value) else "no",
                _sides(details["ratios"][name]) if name in details["ratios"] else NOTHING,
            ]
            rows.append(Row("\n".join(filter(None, [_TITLES[name], model])), cells))
    caption = (
        "A figure is a median, beneath it stand its quartiles. Ratios are of the times of neighbours, which took "
        "turns in one process; the last column has the medians of either side, in the order that the row names."
    )
    return Table(caption, ["Figure", "Measured", "Asked", "Reached", "Times"], rows)


def stream_table(details: dict[str, Any]) -> Table:
    """How long a whole sequence takes by its length."""
    return _by_length(
        "Seconds to read a whole sequence through its state, one chunk after another; beneath them nanoseconds a "
        "token.",
        {
            name: {
                length: f"{_significant(times['median'])}\n{fixed(1e9 * times['median'] / int(length), 0)}"
                for length, times in stream["seconds"].items()
            }
            for name, stream in details["stream"].items()
        },
    )


def state_table(details: dict[str, Any]) -> Table:
    """How many bytes are kept to go on, by what was read."""
    return _by_length(
        "Bytes of the state after so many tokens of one sequence. A model whose state grows is read no further "
        "than it can be in reasonable time.",
        {
            name: {length: fixed(size, 0) for length, size in stream["state_bytes"].items()}
            for name, stream in details["stream"].items()
        },
    )


def decoding_table(details: dict[str, Any]) -> Table:
    """How fast one sequence is written."""
    rows = [
        Row(
            name,
            [
                f"{fixed(speed['median'], 0)}\n"
                f"{fixed(speed['lower_quartile'], 0)} to {fixed(speed['upper_quartile'], 0)}"
            ],
        )
        for name, speed in details["decode_tokens_per_second"].items()
    ]
    return Table("Greedy decoding of one sequence, token by token.", ["Model", "Tokens a second"], rows)


def memory_table(details: dict[str, Any]) -> Table:
    """How much memory a training step takes by its length."""
    return _by_length(
        "Peak memory in megabytes of one training step, forward and backward, on one sequence, each in a new "
        "process, less what the process held before.",
        {
            name: {
                length: "does not fit" if size is None else fixed(size / 1e6, 1) for length, size in sizes.items()
            }
            for name, sizes in details["peak_memory_bytes"].items()
        },
    )


def by_model(figure: Any) -> list[tuple[str | None, float]]:
    """Return a figure's values with the model that each is of, None where it is of no one model."""
    return list(figure.items()) if isinstance(figure, dict) else [(None, figure)]


def _by_length(caption: str, cells: dict[str, dict[str, str]]) -> Table:
    """Set out cells by model and length; a model may lack some lengths."""
    lengths = sorted({length for row in cells.values() for length in row}, key=int)
    rows = [Row(name, [row.get(length, NOTHING) for length in lengths]) for name, row in cells.items()]
    return Table(caption, ["Tokens", *(fixed(int(length), 0) for length in lengths)], rows)


def _quartiles(details: dict[str, Any], name: str) -> str:
    if name in details["ratios"]:
        measured = details["ratios"][name]["ratio"]
    elif name.startswith("selective_scan"):
        measured = details["selective_scan_ns_per_state"][name.rpartition("_")[2]]
    else:
        return ""
    return f"\n{_significant(measured['lower_quartile'])} to {_significant(measured['upper_quartile'])}"


def _sides(ratio: dict[str, Any]) -> str:
    return "\n".join(_time(ratio[f"{side}_seconds"]["median"]) for side in ("numerator", "denominator"))


def _time(seconds: float) -> str:
    return f"{_significant(seconds)} s" if seconds >= 1 else f"{_significant(1000 * seconds)} ms"


def _significant(value: float) -> str:
    """Return a number with three significant digits, and all those before the point."""
    return fixed(value, 0) if value >= 100 else f"{value:#.3g}"
