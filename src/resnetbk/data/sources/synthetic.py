"""Tasks with answers that can be checked, as documents of space-separated words.

Each document comes from a generator of its own, keyed by (seed, number), so reading more of them changes
none. The tokenizer of these corpora has one token a word, whatever `prepare.tokenizer` says.

- `mqar`: multi-query associative recall (Arora et al. 2023, arXiv:2312.04927, section 3): key-value pairs, then
  each key once more, soon or late by a power law, with its value after it.
- `selective_copying`: data words strewn among noise, to be repeated in order after `=` (Jing et al. 2019,
  arXiv:1706.02761; Gu and Dao 2023, arXiv:2312.00752, section 4.1.1).
- `induction`: a trigger `!` and the word after it among random words; at the end the trigger again (Olsson et
  al. 2022, arXiv:2209.11895; Gu and Dao 2023, section 4.1.2).
- `needle`: one key and its value in a haystack of random words; at the end the question for that key.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from resnetbk.errors import UserError
from resnetbk.params.corpus import SyntheticCorpus

GAP_POWER = 0.01  # of the distances between a pair and its query, as in Zoology's data
QUERIES = 16  # one pair for so many words of an mqar document, as in Zoology: 4 for 64, 8 for 128
COPIED = 16  # data words of a selective copying document, where it is long enough


def documents(corpus: SyntheticCorpus) -> Iterator[str]:
    """Yield the documents of a synthetic task, each of `corpus.length` words.

    **Raises:** `UserError` when the vocabulary is too small for the task at this length.
    """
    make = {"mqar": _mqar, "selective_copying": _copying, "induction": _induction, "needle": _needle}[corpus.task]
    for number in range(corpus.documents):
        generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence((corpus.seed, number))))
        words = make(corpus, generator)
        assert len(words) == corpus.length, (corpus.task, len(words))
        yield " ".join(words)


def vocabulary(corpus: SyntheticCorpus) -> list[str]:
    """Return the task's words, `corpus.vocabulary` of them: signs first, then words in order of their numbers."""
    if corpus.task in ("mqar", "needle"):
        signs = ["."] if corpus.task == "mqar" else ["<", "?"]
        keys = (corpus.vocabulary - len(signs)) // 2
        values = corpus.vocabulary - len(signs) - keys
        return [*signs, *_words("k", keys), *_words("v", values)]
    signs = [".", "="] if corpus.task == "selective_copying" else ["!"]
    return [*signs, *_words("w", corpus.vocabulary - len(signs))]


def answers(task: str, document: str) -> dict[int, str]:
    """Work out from the words before them which words of a document are determined.

    **Returns:** position to word, for every position that a model with perfect recall must get right.
    """
    words = document.split()
    if task == "selective_copying":
        sign = words.index("=")
        data = [word for word in words[:sign] if word != "."]
        return {sign + 1 + place: word for place, word in enumerate(data)}
    if task == "mqar":
        known: dict[str, str] = {}
        found = {}
        for place, (key, value) in enumerate(pairwise(words)):
            if key.startswith("k"):
                if key in known:
                    found[place + 1] = known[key]
                known.setdefault(key, value)
        return found
    if task == "induction":
        return {len(words) - 1: words[words.index("!") + 1]}
    needle = words.index("<")
    assert words[-2] == words[needle + 1]
    return {len(words) - 1: words[needle + 2]}


def _words(letter: str, count: int) -> list[str]:
    return [f"{letter}{number}" for number in range(count)]


def _mqar(corpus: SyntheticCorpus, generator: np.random.Generator) -> list[str]:
    keys, values = _keys_and_values(corpus)
    pairs = max(1, corpus.length // QUERIES)
    if pairs > len(keys):
        raise _too_small(corpus, 2 * pairs + 1)
    chosen = generator.choice(keys, pairs, replace=False).tolist()
    answer = dict(zip(chosen, generator.choice(values, pairs).tolist(), strict=True))
    slots = (corpus.length - 2 * pairs) // 2
    weights = np.arange(1, slots + 1) ** (GAP_POWER - 1.0)
    gaps = generator.choice(slots, pairs, replace=False, p=weights / weights.sum())
    tail = ["."] * (corpus.length - 2 * pairs)
    for key, gap in zip(chosen, gaps, strict=True):
        tail[2 * gap : 2 * gap + 2] = [key, answer[key]]
    return [word for pair in answer.items() for word in pair] + tail


def _copying(corpus: SyntheticCorpus, generator: np.random.Generator) -> list[str]:
    data = vocabulary(corpus)[2:]
    copied = min(COPIED, (corpus.length - 1) // 2)
    context = corpus.length - 1 - copied
    places = np.sort(generator.choice(context, copied, replace=False))
    chosen = generator.choice(data, copied).tolist()
    words = ["."] * context
    for place, word in zip(places, chosen, strict=True):
        words[place] = word
    return [*words, "=", *chosen]


def _induction(corpus: SyntheticCorpus, generator: np.random.Generator) -> list[str]:
    words = generator.choice(vocabulary(corpus)[1:], corpus.length).tolist()
    place = int(generator.integers(corpus.length - 3))
    words[place] = words[-2] = "!"
    words[-1] = words[place + 1]
    return words


def _needle(corpus: SyntheticCorpus, generator: np.random.Generator) -> list[str]:
    keys, values = _keys_and_values(corpus)
    words = generator.choice(values, corpus.length).tolist()
    place = int(generator.integers(corpus.length - 5))
    key, value = str(generator.choice(keys)), str(generator.choice(values))
    words[place : place + 3] = ["<", key, value]
    words[-3:] = ["?", key, value]
    return words


def _keys_and_values(corpus: SyntheticCorpus) -> tuple[list[str], list[str]]:
    words = vocabulary(corpus)
    return [word for word in words if word[0] == "k"], [word for word in words if word[0] == "v"]


def _too_small(corpus: SyntheticCorpus, needed: int) -> UserError:
    return UserError(
        f"prepare.corpus: {corpus.task} of length {corpus.length} needs a vocabulary of {needed} or more, "
        f"found {corpus.vocabulary}"
    )
