"""The comparison in one paragraph of plain words: each sentence a function of the numbers, with its tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resnetbk.comparison.hypotheses import NOT_TESTED
from resnetbk.comparison.verdict import EQUIVALENT, HIGHER, LOWER, NOT_COMPARABLE, UNDECIDED

_OUTCOMES = {LOWER: "wins against", HIGHER: "loses to", EQUIVALENT: "ties with"}
_RESTS_ON = {
    LOWER: ["p_value_corrected"],
    HIGHER: ["p_value_corrected"],
    EQUIVALENT: ["p_value_corrected", "equivalence_p_value_corrected"],
    UNDECIDED: ["p_value_corrected", "equivalence_p_value_corrected"],
}
_EXPECTED = {"lower": "a lower loss", "higher": "a higher loss", "equivalent": "equivalence"}


def claims_of(
    comparison: dict[str, Any], controls: Mapping[str, list[str]], without_control: list[str]
) -> list[dict[str, Any]]:
    """Say what the numbers say, the planned first and then the models on trial.

    **Arguments:** `comparison`: the content of metrics/comparison.json but for the words; `controls`: those of
    every model on trial; `without_control`: the models on trial whose control with a plain gate is not in the run.
    **Returns:** claims in order, each with its `words` and its `tests`: the places in the file that it rests
    on, such as `comparisons/resnet_bk-mamba/p_value_corrected`; a comparison goes by its key.
    """
    rows = comparison["comparisons"]
    baseline = comparison["baseline"]
    on_trial = [row for row in rows if row["model"] in controls and row["against"] == baseline]
    controlled = [row for row in rows if row["against"] in controls.get(row["model"], ())]
    others = [row for row in rows if row not in on_trial and row not in controlled]
    claims = []
    if comparison["plan"]["exploratory"]:
        claims.append(_claim(f"Exploratory, not a test of the plan: {comparison['plan']['exploratory']}.", "plan"))
    claims += [_hypothesis(found) for found in comparison["hypotheses"]]
    claims += [_verdict(row, comparison) for row in on_trial]
    claims += [_power(row, comparison) for row in on_trial if row["verdict"] == UNDECIDED and row["power"]]
    claims += [_attribution(found) for found in comparison["attribution"]]
    claims += [_verdict(row, comparison, role=" (its control with a plain mixer)") for row in controlled]
    claims += [
        _claim(
            f"Nothing can be said for the mixer of {name}: a control of equal configuration with a plain gate is "
            "not in the run.",
            f"models/{name}",
        )
        for name in without_control
    ]
    claims += [_verdict(row, comparison) for row in others]
    return [*claims, _bigram(comparison), _scope(comparison)]


def in_words(claims: list[dict[str, Any]]) -> str:
    """Return the claims as one paragraph, each followed by the keys of the comparisons that it rests on."""
    sentences = []
    for claim in claims:
        places = [test.split("/") for test in claim["tests"]]
        keys = dict.fromkeys(place[1] for place in places if place[0] == "comparisons")
        sentences.append(f"{claim['words']} [{', '.join(keys)}]" if keys else claim["words"])
    return " ".join(sentences)


def _claim(words: str, *tests: str) -> dict[str, Any]:
    return {"words": words, "tests": list(tests)}


def _hypothesis(found: dict[str, Any]) -> dict[str, Any]:
    place = f"hypotheses/{found['name']}"
    statement = f'The plan\'s hypothesis "{found["words"]}"'
    if found["answer"] == NOT_TESTED:
        return _claim(f"{statement} is not tested: the run lacks one of its models.", place)
    expected = " or ".join(_EXPECTED[name] for name in found["expect"])
    return _claim(
        f"{statement} is {found['answer']} (tested: {expected}, at alpha {found['alpha']:g}).",
        place,
        f"comparisons/{found['comparison']}",
    )


def _verdict(row: dict[str, Any], comparison: dict[str, Any], role: str = "") -> dict[str, Any]:
    model, against, verdict = row["model"], row["against"], row["verdict"]
    place = f"comparisons/{row['key']}"
    if verdict.startswith(NOT_COMPARABLE):
        return _claim(f"{model} and {against}{role} are {verdict}.", f"{place}/verdict")
    mine, theirs = (comparison["models"][name]["loss"] for name in (model, against))
    confidence = 100 * (1 - comparison["alpha"])
    numbers = (
        f"{mine:.4f} against {theirs:.4f} nats a token, a difference of {row['difference']:+.4f} "
        f"({100 * row['difference'] / theirs:+.2f} %; {confidence:g} % interval "
        f"{_interval(row)}; corrected p {_p(row['p_value_corrected'])})"
    )
    note = "" if row["note"] is None else f"; {row['note']}"
    if verdict in _OUTCOMES:
        words = f"{model} {_OUTCOMES[verdict]} {against}{role} ({verdict}): {numbers}{note}."
    else:
        words = f"Whether {model} or {against}{role} has the lower loss is undecided: {numbers}{note}."
    return _claim(words, *(f"{place}/{test}" for test in _RESTS_ON[verdict]))


def _power(row: dict[str, Any], comparison: dict[str, Any]) -> dict[str, Any]:
    power, needed = row["power"], row["power"]["difference_seeds_needed"]
    seeds = _count(len(comparison["seeds"]), "seed")
    reached = f"{power['target']:g} takes {needed} seeds"
    if needed is None:
        reached = f"no number of seeds reaches {power['target']:g} on these documents"
    return _claim(
        f"With {seeds} a true difference as large as the margin ({power['effect']:.4f}) between {row['model']} "
        f"and {row['against']} is found with probability {power['difference']:.2f}; {reached}.",
        f"comparisons/{row['key']}/power",
    )


def _attribution(found: dict[str, Any]) -> dict[str, Any]:
    whole = f"difference of {found['difference']:+.4f} between {found['model']} and {found['against']}"
    if not found["parts"]:
        return _claim(
            f"What the {whole} is due to cannot be said: the run lacks {found['against']} with the block's norm "
            "and initialisation, or the block with a plain gate.",
            f"comparisons/{found['comparison']}",
        )
    parts = [f"{part['difference']:+.4f} by the {part['change']} ({_interval(part)})" for part in found["parts"]]
    return _claim(
        f"The {whole} is made up of {', '.join(parts)}.",
        *(f"comparisons/{part['comparison']}/difference" for part in found["parts"]),
    )


def _bigram(comparison: dict[str, Any]) -> dict[str, Any]:
    loss = comparison["ngrams"]["bigram"]["loss"]
    above = [name for name, model in comparison["models"].items() if not model["below_bigram"]]
    words = f"Every model is below the bigram baseline ({loss:.4f} nats a token)."
    if above:
        words = f"Not below the bigram baseline ({loss:.4f} nats a token): {', '.join(above)}."
    return _claim(words, "ngrams/bigram/loss")


def _scope(comparison: dict[str, Any]) -> dict[str, Any]:
    seeds = _count(len(comparison["seeds"]), "seed")
    documents = _count(comparison["documents"], "held-out document")
    comparisons = _count(len(comparison["comparisons"]), "comparison")
    margin = 100 * comparison["equivalence_margin"]
    return _claim(
        f"This rests on {seeds}, {documents} of one corpus and {comparisons}, with Holm's correction at alpha "
        f"{comparison['alpha']:g} and an equivalence margin of {margin:g} % of the other model's loss.",
        "plan",
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _interval(row: dict[str, Any]) -> str:
    low, high = row["confidence_interval"]
    return f"{low:+.4f} to {high:+.4f}"


def _p(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"= {value:.4f}"
