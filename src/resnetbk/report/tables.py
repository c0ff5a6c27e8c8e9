"""The report's tables as plain text cells: every number in them comes from a measured file."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from resnetbk.report.loading import Results
from resnetbk.report.numbers import MINUS, NOTHING, fixed, interval, percent, probability, signed
from resnetbk.report.shapes import PairResult


@dataclass(frozen=True)
class Row:
    """A row: its heading, its cells (of one line or more), and its model's place in run.models if it is one's."""

    heading: str
    cells: list[str]
    place: int | None = None


@dataclass(frozen=True)
class Table:
    """A table: `columns` heads the row headings first and then the cells; `words` are columns of prose."""

    caption: str
    columns: list[str]
    rows: list[Row]
    words: set[str] = field(default_factory=set)


def score_table(results: Results) -> Table:
    """Held-out scores of every model, with the interval of its difference from the baseline, and the n-grams."""
    comparison = results.comparison
    against = {pair.model: pair for pair in comparison.comparisons if pair.against == comparison.baseline}
    rows = []
    for place, name in enumerate(results.models):
        score = comparison.models[name]
        low, high = min(score.loss_by_seed), max(score.loss_by_seed)
        cells = [
            f"{fixed(score.loss, 4)}\n{fixed(low, 4)} to {fixed(high, 4)}",
            fixed(score.perplexity, 2),
            fixed(score.bits_per_byte, 4),
            _difference(against[name]) if name in against else "baseline",
            "yes" if score.below_bigram else "no",
        ]
        rows.append(Row(name, cells, place))
    for name, score in comparison.ngrams.items():
        cells = [fixed(score.loss, 4), fixed(score.perplexity, 2), fixed(score.bits_per_byte, 4), NOTHING, NOTHING]
        rows.append(Row(name, cells))
    columns = ["Model", "Loss", "Perplexity", "Bits per byte"]
    columns += [f"Loss less that of {comparison.baseline}", "Below bigram"]
    caption = (
        f"Held-out scores, means over {len(results.seeds)} seeds; lower is better. Loss is in nats per token; "
        f"beneath it stand its lowest and highest seed, beneath a difference its {confidence(results)} confidence "
        "interval."
    )
    return Table(caption, columns, rows)


def pair_table(results: Results) -> Table:
    """Every comparison with its interval, p-values, effect size and verdict."""
    comparison = results.comparison
    rows = [
        Row(
            f"{pair.model}\n{MINUS} {pair.against}",
            [
                _difference(pair),
                f"±{fixed(pair.margin, 4)}",
                probability(pair.p_value_corrected),
                probability(pair.equivalence_p_value_corrected),
                signed(pair.effect_size, 2),
                pair.verdict if pair.note is None else f"{pair.verdict} ({pair.note})",
            ],
            results.models.index(pair.model),
        )
        for pair in comparison.comparisons
    ]
    columns = [
        "Pair",
        "Difference",
        "Margin",
        "p of no difference",
        "p of no equivalence",
        "Effect size g",
        "Verdict",
    ]
    caption = (
        f"Differences in loss, nats per token, paired by seed and by document ({len(results.seeds)} seeds, "
        f"{comparison.documents} documents); beneath them their {confidence(results)} confidence intervals. "
        "Negative where the first model is better. The p-values are corrected by the method of Holm."
    )
    return Table(caption, columns, rows, {"Verdict"})


def ledger_table(results: Results) -> Table:
    """What each model was given."""
    rows = []
    for place, name in enumerate(results.models):
        ledger = results.comparison.models[name].ledger
        cells = [
            f"{fixed(ledger.parameters, 0)}\n{signed(100 * ledger.parameters_from_budget, 2)} % from the budget",
            fixed(ledger.parameters_embedding, 0),
            fixed(ledger.training_tokens, 0),
            fixed(ledger.state_size, 0),
            {True: "passed", False: "failed", None: "missing"}[ledger.audit_passed],
        ]
        rows.append(Row(name, cells, place))
    columns = ["Model", "Parameters", "Of them embedding", "Training tokens", "State, bytes a sequence", "Audit"]
    return Table("What each model was given, the same under every seed.", columns, rows)


def audit_table(results: Results) -> Table:
    """Which check each model passed."""
    checks = dict.fromkeys(check for audit in results.audits.values() for check in audit.checks)
    rows = []
    for place, (name, audit) in enumerate(results.audits.items()):
        outcomes = [audit.checks[check].passed if check in audit.checks else None for check in checks]
        rows.append(
            Row(name, [{True: "passed", False: "failed", None: NOTHING}[passed] for passed in outcomes], place)
        )
    return Table("Checks that a model passes before it trains.", ["Model", *map(_plain, checks)], rows)


def audit_details(results: Results) -> Table:
    """What each check found, in its own words."""
    rows = [
        Row(name, [_plain(check), outcome.detail], results.models.index(name))
        for name, audit in results.audits.items()
        for check, outcome in audit.checks.items()
    ]
    return Table("What each check found.", ["Model", "Check", "Finding"], rows, {"Check", "Finding"})


def split_table(results: Results) -> Table:
    """The corpus, split by split."""
    rows = [
        Row(name, [fixed(split.documents, 0), fixed(split.tokens, 0), fixed(split.bytes, 0)])
        for name, split in results.card.splits.items()
    ]
    return Table("Splits of the corpus.", ["Split", "Documents", "Tokens", "Bytes of text"], rows)


def series_table(frame: pd.DataFrame, along: str, models: list[str], *, caption: str, heading: str) -> Table:
    """The points of a figure: a row a point, a column a model with its mean and its spread over seeds.

    **Arguments:** `frame`: columns model, `along`, mean, lowest, highest, as `series.spread` gives them.
    """
    rows = [
        Row(
            fixed(point, 0),
            [
                "\n".join(f"{fixed(r.mean, 4)}\n{fixed(r.lowest, 4)} to {fixed(r.highest, 4)}" for r in found)
                for model in models
                for found in [list(rows[rows.model == model].itertuples())]
            ],
        )
        for point, rows in frame.groupby(along)
    ]
    return Table(caption, [heading, *models], rows)


def confidence(results: Results) -> str:
    """Return the level of the confidence intervals, as in `95 %`."""
    return percent(1 - results.comparison.alpha)


def _difference(pair: PairResult) -> str:
    return f"{signed(pair.difference, 4)}\n{interval(*pair.confidence_interval, 4)}"


def _plain(name: str) -> str:
    return name.replace("_", " ").capitalize()
