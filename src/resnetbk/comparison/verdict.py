"""From numbers to one of five verdicts.

Precedence, first that applies:

1. `not comparable: <row of the ledger>`. No number can mend an unfair comparison.
2. `undecided`, when there are fewer than MINIMUM_SEEDS seeds or MINIMUM_DOCUMENTS documents: the numbers are
   shown, but no verdict rests on them.
3. `lower loss` or `higher loss`, when the difference is significant after Holm's correction. It comes before
   equivalence, so that a small but certain loss is never called a tie; the note says when it is within the
   margin.
4. `equivalent within the margin`, when two one-sided tests, Holm-corrected as a family of their own, reject
   every difference as large as the margin.
5. `undecided`. The data do not tell; it does not mean equal.
"""

from __future__ import annotations

from dataclasses import dataclass

from resnetbk.comparison.statistics import MINIMUM_DOCUMENTS, MINIMUM_SEEDS

LOWER = "lower loss"
HIGHER = "higher loss"
EQUIVALENT = "equivalent within the margin"
UNDECIDED = "undecided"
NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True)
class Evidence:
    """What a verdict rests on."""

    difference: float  # nats a token, model minus the one it is set against
    p_value_corrected: float  # of "no difference"
    equivalence_p_value_corrected: float  # of "a difference as large as the margin"
    excess_p_value_corrected: float  # of "no difference beyond the margin"
    seeds: int
    documents: int
    not_comparable: str | None  # the broken row of the ledger
    mistuned: tuple[str, ...] = ()  # models whose tuning chose the edge of its range


def decide(evidence: Evidence, alpha: float) -> tuple[str, str | None]:
    """Return the verdict and the notes that qualify it, or None.

    **Arguments:** `evidence`: the numbers of one pair; `alpha`: the level of both families of tests.
    """
    if evidence.not_comparable is not None:
        return f"{NOT_COMPARABLE}: {evidence.not_comparable}", None
    notes = [
        f"{name} may be mistuned: its learning rate is at the edge of its range" for name in evidence.mistuned
    ]
    few = too_few(evidence)
    equivalent = evidence.equivalence_p_value_corrected < alpha
    if few is not None:
        verdict = UNDECIDED
        notes.insert(0, few)
    elif evidence.p_value_corrected < alpha:
        verdict = LOWER if evidence.difference < 0 else HIGHER
        if equivalent:
            notes.insert(0, "the difference is within the margin of equivalence")
    else:
        verdict = EQUIVALENT if equivalent else UNDECIDED
    return verdict, "; ".join(notes) or None


def too_few(evidence: Evidence) -> str | None:
    """Say why no verdict can rest on so few seeds or documents, or None."""
    if evidence.seeds < MINIMUM_SEEDS:
        return "one seed: the interval is over documents alone and says nothing about other seeds"
    if evidence.documents < MINIMUM_DOCUMENTS:
        return f"{evidence.documents} held-out documents; a verdict needs {MINIMUM_DOCUMENTS}"
    return None
