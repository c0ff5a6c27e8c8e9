"""What the plan expected of a pair, and whether the numbers confirm or refute it.

An expectation is one or more of `lower`, `higher` and `equivalent`; it is confirmed when one of them holds,
refuted when none can, and undecided otherwise:

- `lower` (`higher`) holds when the model's loss is significantly lower (higher), and cannot when it is
significantly
  higher (lower). A difference within the margin leaves it open: small is not none.
- `equivalent` holds when every difference as large as the margin is rejected, and cannot when every
difference
  within the margin is.

All three tests are corrected over all comparisons of the report and taken at the hypothesis' own alpha.
Where models are not comparable, or where seeds or documents are too few for a verdict, nothing is decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resnetbk.comparison.pairs import Pair
from resnetbk.comparison.verdict import HIGHER, LOWER, UNDECIDED, Evidence, decide, too_few
from resnetbk.params.comparison import Hypothesis

CONFIRMED = "confirmed"
REFUTED = "refuted"
NOT_TESTED = "not tested"
_TURNED = {"lower": "higher", "higher": "lower", "equivalent": "equivalent"}


def hypothesis_pairs(hypotheses: Mapping[str, Hypothesis], names: list[str], planned: list[Pair]) -> list[Pair]:
    """Return the pairs that hypotheses add to a family of comparisons.

    **Arguments:** `hypotheses`: by name; `names`: the models of the run; `planned`: the family without them.
    **Returns:** none that the family holds, either way round: one test must not count twice.
    """
    found: list[Pair] = []
    for hypothesis in hypotheses.values():
        pair = Pair(hypothesis.model, hypothesis.against)
        if {*pair} <= {*names} and not {pair, pair.turned} & {*planned, *found}:
            found.append(pair)
    return found


def answer_hypotheses(
    hypotheses: Mapping[str, Hypothesis], evidence: Mapping[Pair, Evidence]
) -> list[dict[str, Any]]:
    """Return every hypothesis with its answer and the key of the comparison that it rests on.

    Where the family holds a pair the other way round, lower and higher change places.
    """
    answers = []
    for name, hypothesis in hypotheses.items():
        pair, expect = Pair(hypothesis.model, hypothesis.against), hypothesis.expect
        if pair.turned in evidence:
            pair, expect = pair.turned, [_TURNED[expected] for expected in expect]
        tested = pair in evidence
        answers.append(
            {
                "name": name,
                **hypothesis.model_dump(),
                "comparison": pair.key if tested else None,
                "answer": answer(expect, evidence[pair], hypothesis.alpha) if tested else NOT_TESTED,
            }
        )
    return answers


def answer(expect: list[str], evidence: Evidence, alpha: float) -> str:
    """Answer one expectation.

    **Arguments:** `expect`: any of `lower`, `higher`, `equivalent`; `evidence`: the numbers of the pair;
    `alpha`: the level.
    **Returns:** CONFIRMED, REFUTED or UNDECIDED.
    """
    if evidence.not_comparable is not None or too_few(evidence) is not None:
        return UNDECIDED
    holds = [_holds(expected, evidence, alpha) for expected in expect]
    if True in holds:
        return CONFIRMED
    return UNDECIDED if None in holds else REFUTED


def _holds(expected: str, evidence: Evidence, alpha: float) -> bool | None:
    if expected == "equivalent":
        if evidence.equivalence_p_value_corrected < alpha:
            return True
        return False if evidence.excess_p_value_corrected < alpha else None
    verdict, _ = decide(evidence, alpha)
    wanted, opposite = (LOWER, HIGHER) if expected == "lower" else (HIGHER, LOWER)
    return {wanted: True, opposite: False}.get(verdict)
