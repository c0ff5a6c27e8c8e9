"""Scores, and the tests of every pair."""

from __future__ import annotations

from resnetbk.report.anchors import comparison_anchor, score_anchor
from resnetbk.report.loading import Results
from resnetbk.report.numbers import MINUS, NOTHING, fixed, interval, percent, probability, signed
from resnetbk.report.shapes.comparison import PairResult, Power
from resnetbk.report.tables.table import Row, Table, mean_and_range

NO_NUMBER = "no number"


def confidence(results: Results) -> str:
    """Return the level of the confidence intervals, as in `95 %`."""
    return percent(1 - results.comparison.alpha)


def score_table(results: Results) -> Table:
    """Held-out scores of every model, with the interval of its difference from the baseline, and the n-grams."""
    comparison = results.comparison
    against = {pair.model: pair for pair in comparison.comparisons if pair.against == comparison.baseline}
    rows = []
    for place, name in enumerate(results.models):
        score = comparison.models[name]
        low, high = min(score.loss_by_seed), max(score.loss_by_seed)
        cells = [
            mean_and_range(fixed(score.loss, 4), fixed(low, 4), fixed(high, 4)),
            fixed(score.perplexity, 2),
            fixed(score.bits_per_byte, 4),
            _difference(against[name]) if name in against else "baseline",
            "yes" if score.below_bigram else "no",
        ]
        rows.append(Row(name, cells, place, score_anchor(comparison, name).anchor))
    for name, score in comparison.ngrams.items():
        cells = [fixed(score.loss, 4), fixed(score.perplexity, 2), fixed(score.bits_per_byte, 4), NOTHING, NOTHING]
        rows.append(Row(name, cells, None, score_anchor(comparison, name).anchor))
    columns = ["Model", "Loss", "Perplexity", "Bits per byte"]
    columns += [f"Loss less that of {comparison.baseline}", "Below bigram"]
    caption = (
        f"Held-out scores, means over {len(results.seeds)} seeds; lower is better. Loss is in nats per token; "
        f"beneath it stand its lowest and highest seed, beneath a difference its {confidence(results)} confidence "
        "interval."
    )
    return Table(caption, columns, rows)


def pair_table(results: Results) -> Table:
    """Every comparison with its interval, p-values, effect size and verdict: the tests that verdicts rest on."""
    comparison = results.comparison
    rows = [
        _row(
            results,
            pair,
            [
                _difference(pair),
                f"±{fixed(pair.margin, 4)}",
                probability(pair.p_value_corrected),
                probability(pair.equivalence_p_value_corrected),
                probability(pair.excess_p_value_corrected),
                pair.verdict if pair.note is None else f"{pair.verdict} ({pair.note})",
            ],
            anchored=True,
        )
        for pair in comparison.comparisons
    ]
    columns = ["Test", "Difference", "Margin", "p of no difference", "p of no equivalence", "p of no excess"]
    columns.append("Verdict")
    caption = (
        f"Differences in loss, nats per token, paired by seed and by document ({len(results.seeds)} seeds, "
        f"{comparison.documents} documents); beneath them their {confidence(results)} confidence intervals. "
        "Negative where the first model is better. The hypotheses that the p-values may reject: that there is no "
        "difference; that it is as large as the margin or larger; that it is within the margin. They are "
        "corrected by the method of Holm over all tests of this table."
    )
    return Table(caption, columns, rows, {"Verdict"})


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
        rows.append(_row(results, pair, cells))
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
    return Table(caption, columns, rows)


def power_table(results: Results) -> Table:
    """What each test could have found, and the seeds that it would take."""
    pairs = results.comparison.comparisons
    rows = []
    for pair in pairs:
        deviations = [pair.standard_error, pair.standard_error_seeds, pair.standard_error_documents]
        cells = [NOTHING if value is None else fixed(value, 4) for value in deviations]
        rows.append(_row(results, pair, [*cells, *_power(pair.power)]))
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
    return Table(caption, columns, rows)


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


def _row(results: Results, pair: PairResult, cells: list[str], *, anchored: bool = False) -> Row:
    link = comparison_anchor(results.comparison, pair.key)
    heading = f"{link.text}. {pair.model}\n{MINUS} {pair.against}"
    return Row(heading, cells, results.models.index(pair.model), link.anchor if anchored else None)


def _difference(pair: PairResult) -> str:
    return f"{signed(pair.difference, 4)}\n{interval(*pair.confidence_interval, 4)}"
