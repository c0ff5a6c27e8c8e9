"""What models do beyond their training length."""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean

from resnetbk.report.battery import Battery
from resnetbk.report.numbers import NOTHING, fixed
from resnetbk.report.origins import Origin
from resnetbk.report.shapes.context import ContextCell
from resnetbk.report.tables.table import Cell, Row, Table, mean_and_range, model_rows

NOT_FINITE = "not finite"


def context_tables(battery: Battery) -> list[Table]:
    """Loss by length, the stream, the receptive field and spikes, and other text."""
    tables = [_lengths(battery), _stream(battery), _reach(battery)]
    return [*tables, _other_text(battery)] if any(_corpora(battery)) else tables


def _lengths(battery: Battery) -> Table:
    models = list(battery.context)
    multiples = {row.length: row.multiple for cells in battery.context.values() for row in cells[0].windows}
    rows = [
        Row(
            Cell(f"{multiple}x\n{fixed(length, 0)}", _origin(models[0], "windows")),
            [Cell(_at(battery.context[name], length), _origin(name, "windows")) for name in models],
        )
        for length, multiple in sorted(multiples.items())
    ]
    return Table(
        "Held-out loss in nats per token by the length of the window, each read from its beginning, over the "
        f"same text; mean over seeds, beneath it the lowest and highest. {NOTHING}: beyond what the model can be "
        "given.",
        ["Length", *models],
        rows,
    )


def _at(cells: list[ContextCell], length: int) -> str:
    found = [row.loss for cell in cells for row in cell.windows if row.length == length]
    return _losses(found) if found else NOTHING


def _stream(battery: Battery) -> Table:
    cells = {
        name: [
            _each(found, lambda cell: fixed(cell.stream.length, 0)),
            _losses([cell.stream.loss for cell in found]),
            fixed(sum(cell.stream.non_finite_losses for cell in found), 0),
            fixed(sum(cell.stream.non_finite_logits for cell in found), 0),
            _each(found, lambda cell: _position(cell.stream.first_non_finite)),
            _each(found, lambda cell: fixed(cell.stream.memory[0].peak_bytes, 0)),
            _each(found, lambda cell: fixed(cell.stream.memory[-1].peak_bytes, 0)),
            _each(found, lambda cell: cell.limit.reason or "none"),
        ]
        for name, found in battery.context.items()
    }
    columns = ["Model", "Tokens of the stream", "Loss", "Losses not finite", "Logits not finite", "The first at"]
    columns += ["Memory at the start, bytes", "Memory at the end, bytes", "Limit"]
    return Table(
        "One stream of held-out documents read in one piece. Counts of numbers that are not finite are sums "
        "over seeds; memory is the most that tensors held during a chunk, weights with them.",
        columns,
        model_rows(battery.models, cells, _origins(battery, "stream")),
        {"Limit"},
    )


def _reach(battery: Battery) -> Table:
    first = next(iter(battery.context.values()))[0]
    spikes = first.gradient_spikes
    cells = {
        name: [
            _means([cell.receptive_field.mean_distance for cell in found], 1),
            _means([cell.receptive_field.distance_90 for cell in found], 0),
            fixed(sum(cell.receptive_field.non_finite for cell in found), 0),
            f"{sum(len(cell.gradient_spikes.spikes) for cell in found)} of "
            f"{sum(cell.gradient_spikes.steps_judged for cell in found)}",
        ]
        for name, found in battery.context.items()
    }
    return Table(
        "How far back a prediction looks: the gradient of its loss by the embedding of every token before it, "
        f"{first.receptive_field.windows} windows of {fixed(first.receptive_field.length, 0)} tokens; the mean "
        "distance, and that within which nine tenths of it lie, in tokens. Gradient spikes of the training: "
        f"logged steps whose gradient norm is above {spikes.factor:g} times the median of the {spikes.window} "
        "logged before.",
        ["Model", "Mean distance", "Distance of nine tenths", "Gradients not finite", "Gradient spikes"],
        model_rows(battery.models, cells, _origins(battery, "receptive_field")),
        said=_origin(next(iter(cells)), "receptive_field"),
    )


def _other_text(battery: Battery) -> Table:
    cells = {
        name: [
            _means([cell.out_of_domain[corpus].held_out.bits_per_byte for cell in found], 4)
            for corpus in _corpora(battery)
        ]
        for name, found in battery.context.items()
    }
    return Table(
        "Text of another kind than the training's: bits per byte, mean over seeds; beneath it the lowest and "
        "highest.",
        ["Model", *_corpora(battery)],
        model_rows(battery.models, cells, _origins(battery, "out_of_domain")),
    )


def _corpora(battery: Battery) -> list[str]:
    return list(next(iter(battery.context.values()))[0].out_of_domain)


def _origin(model: str, key: str) -> Origin:
    return Origin(("context", model), key)


def _origins(battery: Battery, key: str) -> dict[str, Origin]:
    return {model: _origin(model, key) for model in battery.context}


def _each(cells: list[ContextCell], words: Callable[[ContextCell], str]) -> str:
    """Return what all seeds say, once if it is the same."""
    return "\n".join(dict.fromkeys(map(words, cells)))


def _position(position: int | None) -> str:
    return NOTHING if position is None else fixed(position, 0)


def _losses(values: list[float | None]) -> str:
    return _means(values, 4)


def _means(values: list[float | None], decimals: int) -> str:
    if None in values:
        return NOT_FINITE
    return mean_and_range(*(fixed(value, decimals) for value in (fmean(values), min(values), max(values))))
