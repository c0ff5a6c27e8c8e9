"""Second opinions on every pair, and what its test could have found."""

from __future__ import annotations

from resnetbk.report.loading import Results
from resnetbk.report.numbers import NOTHING, fixed, interval, percent, probability, signed
from resnetbk.report.shapes.comparison import Power
from resnetbk.report.tables.comparison import COMPARED, confidence, pair_row
from resnetbk.report.tables.table import Table

NO_NUMBER = "no number"


def second_opinion_table(results: Results) -> Table:
    """The same differences by methods that assume less. No verdict rests on them."""
    pairs = results.comparison.comparisons
    rows = []
    for pair in pairs:
        flips = pair.permutation_p_value
        values = (pair.p_value, flips.both, flips.seeds, flips.documents)
        cells = [
            interval(*pair.bootstrap_interval, 4),
            signed(pair.effect_size, 2),
            *(NOTHING if value is None else probability(value) for value in values),
        ]
        rows.append(pair_row(results, pair, cells))
    columns = ["Test", "Bootstrap interval", "Hedges' g", "p of the test", "p of flipped signs"]
    columns += ["p of flipped seeds", "p of flipped documents"]
    least = pairs[0].permutation_p_value.smallest if pairs else None
    few = "" if least is None else f" With so few seeds a flip of seeds cannot fall below {probability(least)}."
    caption = (
        "Do other methods say the same? The bias-corrected and accelerated bootstrap over seeds and documents "
        f"({confidence(results)}); the difference in standard deviations of the seeds, corrected for their "
        "number; and permutation tests that flip the signs of paired differences, beside the p-value of the test "
        f"above. All p-values in this table are uncorrected.{few}"
    )
    return Table(caption, columns, rows, said=COMPARED)


def power_table(results: Results) -> Table:
    """What each test could have found, and the seeds that it would take."""
    pairs = results.comparison.comparisons
    rows = []
    for pair in pairs:
        deviations = [pair.standard_error, pair.standard_error_seeds, pair.standard_error_documents]
        cells = [NOTHING if value is None else fixed(value, 4) for value in deviations]
        rows.append(pair_row(results, pair, [*cells, *_power(pair.power)]))
    columns = ["Test", "Standard error", "of seeds", "of documents", "Power", "Seeds needed", "Power for a tie"]
    columns.append("Seeds needed for a tie")
    powers = [pair.power for pair in pairs if pair.power]
    level = (
        f" Power is at {powers[0].alpha:.4g}, the level of the first step of Holm's correction; seeds needed are "
        f"for a power of {percent(powers[0].target)}."
        if powers
        else " One seed tells nothing of the spread between seeds, so there is no power to give."
    )
    caption = (
        "What the tests could have found: not the difference that was seen but a true one as large as the margin, "
        "and for a tie a true difference of zero. More seeds leave the documents as they are: where it says "
        f"{NO_NUMBER}, no number of seeds would do.{level}"
    )
    return Table(caption, columns, rows, said=COMPARED)


def _power(power: Power | None) -> list[str]:
    if power is None:
        return [NOTHING] * 4
    return [
        fixed(power.difference, 2),
        _seeds(power.difference_seeds_needed),
        fixed(power.equivalence, 2),
        _seeds(power.equivalence_seeds_needed),
    ]


def _seeds(needed: int | None) -> str:
    return NO_NUMBER if needed is None else fixed(needed, 0)
