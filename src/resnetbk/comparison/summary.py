"""The comparison in one paragraph of plain words, each sentence a function of the numbers."""

from __future__ import annotations

from typing import Any

from resnetbk.comparison.verdict import EQUIVALENT, HIGHER, LOWER, NOT_COMPARABLE

_OUTCOMES = {LOWER: "wins against", HIGHER: "loses to", EQUIVALENT: "ties with"}


def summarise(comparison: dict[str, Any], candidates: list[str], without_control: list[str]) -> str:
    """Say what the numbers say, the candidates first.

    **Arguments:** `comparison`: the content of metrics/comparison.json but for the summary; `candidates`: the
    models whose claim is on trial; `without_control`: those of them with no plain-gate control in the run.
    **Returns:** one paragraph.
    """
    rows = comparison["comparisons"]
    baseline = comparison["baseline"]
    on_trial = [row for row in rows if row["model"] in candidates and row["against"] == baseline]
    controlled = [row for row in rows if row["model"] in candidates and row["against"] != baseline]
    others = [row for row in rows if row["model"] not in candidates]
    sentences = [_sentence(row, comparison) for row in on_trial]
    sentences += [_sentence(row, comparison, role=" (its control with a plain gate)") for row in controlled]
    sentences += [
        f"Nothing can be said for the mixer of {name}: a control of equal configuration with a plain gate is "
        "not in the run."
        for name in without_control
    ]
    sentences += [_sentence(row, comparison) for row in others]
    exploratory = comparison["plan"]["exploratory"]
    if exploratory:
        sentences.insert(0, f"Exploratory, not a test of the plan: {exploratory}.")
    return " ".join([*sentences, _bigram(comparison), _scope(comparison)])


def _sentence(row: dict[str, Any], comparison: dict[str, Any], role: str = "") -> str:
    model, against = row["model"], row["against"]
    mine, theirs = (comparison["models"][name]["loss"] for name in (model, against))
    low, high = row["confidence_interval"]
    confidence = 100 * (1 - comparison["alpha"])
    numbers = (
        f"{mine:.4f} against {theirs:.4f} nats a token, a difference of {row['difference']:+.4f} "
        f"({100 * row['difference'] / theirs:+.2f} %; {confidence:g} % interval {low:+.4f} to {high:+.4f}; "
        f"corrected p {_p(row['p_value_corrected'])})"
    )
    verdict = row["verdict"]
    note = "" if row["note"] is None else f"; {row['note']}"
    if verdict.startswith(NOT_COMPARABLE):
        return f"{model} and {against}{role} are {verdict}."
    if verdict in _OUTCOMES:
        return f"{model} {_OUTCOMES[verdict]} {against}{role} ({verdict}): {numbers}{note}."
    return f"Whether {model} or {against}{role} has the lower loss is undecided: {numbers}{note}."


def _bigram(comparison: dict[str, Any]) -> str:
    loss = comparison["ngrams"]["bigram"]["loss"]
    above = [name for name, model in comparison["models"].items() if not model["below_bigram"]]
    if above:
        return f"Not below the bigram baseline ({loss:.4f} nats a token): {', '.join(above)}."
    return f"Every model is below the bigram baseline ({loss:.4f} nats a token)."


def _scope(comparison: dict[str, Any]) -> str:
    seeds = _count(len(comparison["seeds"]), "seed")
    documents = _count(comparison["documents"], "held-out document")
    comparisons = _count(len(comparison["comparisons"]), "comparison")
    margin = 100 * comparison["equivalence_margin"]
    return (
        f"This rests on {seeds}, {documents} of one corpus and {comparisons}, with Holm's correction at alpha "
        f"{comparison['alpha']:g} and an equivalence margin of {margin:g} % of the other model's loss."
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _p(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"= {value:.4f}"
