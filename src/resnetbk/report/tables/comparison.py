"""Scores, and the tests of every pair."""

from __future__ import annotations

from resnetbk.report.anchors import comparison_anchor, score_anchor
from resnetbk.report.loading import Results
from resnetbk.report.numbers import MINUS, NOTHING, fixed, interval, percent, probability, signed
from resnetbk.report.origins import Origin
from resnetbk.report.shapes.comparison import PairResult
from resnetbk.report.tables.table import Link, Row, Table, mean_and_range

COMPARED = Origin(("compare",))


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
        rows.append(_scores(results, "models", name, cells, place))
    for name, score in comparison.ngrams.items():
        cells = [fixed(score.loss, 4), fixed(score.perplexity, 2), fixed(score.bits_per_byte, 4), NOTHING, NOTHING]
        rows.append(_scores(results, "ngrams", name, cells, None))
    columns = ["Model", "Loss", "Perplexity", "Bits per byte"]
    columns += [f"Loss less that of {comparison.baseline}", "Below bigram"]
    caption = (
        f"Held-out scores, means over {len(results.seeds)} seeds; lower is better. Loss is in nats per token; "
        f"beneath it stand its lowest and highest seed, beneath a difference its {confidence(results)} confidence "
        "interval."
    )
    return Table(caption, columns, rows, said=COMPARED)


def pair_table(results: Results) -> Table:
    """Every comparison with its interval, p-values, effect size and verdict: the tests that verdicts rest on."""
    comparison = results.comparison
    rows = [
        pair_row(
            results,
            pair,
            [
                _difference(pair),
                f"±{fixed(pair.margin, 4)}",
                probability(pair.p_value_corrected),
                probability(pair.equivalence_p_value_corrected),
                probability(pair.excess_p_value_corrected),
                pair.verdict if pair.note is None else f"{pair.verdict} (note)",
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
    return Table(caption, columns, rows, {"Verdict"}, said=COMPARED)


def notes(results: Results) -> list[tuple[str, list[Link]]]:
    """Return what qualifies verdicts, each with the tests whose verdict it qualifies."""
    said: dict[str, list[Link]] = {}
    for pair in results.comparison.comparisons:
        if pair.note is not None:
            said.setdefault(pair.note, []).append(comparison_anchor(results.comparison, pair.key))
    return list(said.items())


def pair_row(results: Results, pair: PairResult, cells: list[str], *, anchored: bool = False) -> Row:
    """Return the row of one comparison; `anchored` in the table that its claims lead to."""
    link = comparison_anchor(results.comparison, pair.key)
    heading = f"{link.text}. {pair.model}\n{MINUS} {pair.against}"
    place, anchor = results.models.index(pair.model), link.anchor if anchored else None
    return Row(heading, cells, place, anchor, Origin(("compare",), f"comparisons.{int(link.text) - 1}"))


def _scores(results: Results, kind: str, name: str, cells: list[str], place: int | None) -> Row:
    anchor = score_anchor(results.comparison, name).anchor
    return Row(name, cells, place, anchor, Origin(("compare",), f"{kind}.{name}"))


def _difference(pair: PairResult) -> str:
    return f"{signed(pair.difference, 4)}\n{interval(*pair.confidence_interval, 4)}"
