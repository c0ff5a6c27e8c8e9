from math import sqrt

import numpy as np
import pytest
from tests.tasks.small_tasks import TASKS, counting, mqar

from resnetbk.tasks.generators import UNSCORED, load_generator

ROWS = 4000
LENGTHS = (16, 32, 64)


def made(task, *, rows=60, length=16, seed=5):
    generator = np.random.Generator(np.random.Philox(seed))
    return load_generator(task.kind).sequences(task, generator, rows=rows, length=length)


def answers(task, tokens):
    return load_generator(task.kind).answers(task, list(tokens))


def named(task):
    return f"{task.kind}{getattr(task, 'modulus', getattr(task, 'needles', ''))}"


def alike(task, token):
    """Return the token ids that could stand where the one on which an answer depends stands."""
    vocabulary = load_generator(task.kind).vocabulary_size(task)
    ids = {
        "modular_counting": range(vocabulary - 1),
        "mqar": range(vocabulary // 2, vocabulary),
        "selective_copying": range(2, vocabulary),
        "induction": range(1, vocabulary),
        "needle": range(2 + (vocabulary - 2) // 2, vocabulary),
    }[task.kind]
    assert token in ids
    return [other for other in ids if other != token]


@pytest.mark.parametrize("task", TASKS, ids=named)
@pytest.mark.parametrize("length", LENGTHS)
def test_the_checker_finds_every_answer_and_no_other(task, length):
    rows = made(task, length=length)
    assert all(array.shape == (60, length) and array.dtype == np.int64 for array in rows)
    assert rows.tokens_BL.min() >= 0
    assert rows.tokens_BL.max() < load_generator(task.kind).vocabulary_size(task)
    for tokens, labels in zip(rows.tokens_BL.tolist(), rows.labels_BL.tolist(), strict=True):
        asked = {position: label for position, label in enumerate(labels) if label != UNSCORED}
        assert answers(task, tokens) == asked
        assert asked


@pytest.mark.parametrize("task", TASKS, ids=named)
def test_another_token_at_the_distance_of_an_answer_is_another_answer(task):
    rows = made(task)
    for tokens, labels, distances in zip(*(array.tolist() for array in rows), strict=True):
        for position in np.flatnonzero(np.array(labels) != UNSCORED).tolist():
            source = position - distances[position]
            for other in alike(task, tokens[source]):
                changed = [*tokens[:source], other, *tokens[source + 1 :]]
                assert answers(task, changed)[position] != labels[position]


def guess(task, tokens_BL, labels_BL):
    """Return, for all answers, what a guess without memory of places says of them."""
    asked_BL = labels_BL != UNSCORED
    if task.kind == "mqar" or getattr(task, "needles", 1) > 1:  # always the value of the first pair
        place_B = np.ones(len(tokens_BL), int) if task.kind == "mqar" else (tokens_BL == 0).argmax(1) + 2
        return np.repeat(tokens_BL[np.arange(len(tokens_BL)), place_B], asked_BL.sum(1))
    return np.full(asked_BL.sum(), alike(task, labels_BL[asked_BL][0])[0])  # always the same word


@pytest.mark.parametrize("task", TASKS, ids=named)
def test_chance_is_what_a_guess_gets(task):
    tokens_BL, labels_BL, _ = made(task, rows=ROWS)
    right = guess(task, tokens_BL, labels_BL) == labels_BL[labels_BL != UNSCORED]
    chance = load_generator(task.kind).chance(task)
    assert abs(right.mean() - chance) < 5 * sqrt(chance * (1 - chance) / len(right))


def test_counting_by_hand():
    assert answers(counting(), [3, 1, 2, 2, 0, 1]) == {1: 1, 2: 0, 3: 2, 4: 2, 5: 0}
    assert answers(counting(modulus=2), [2, 1, 1, 0, 1]) == {1: 1, 2: 0, 3: 0, 4: 1}


def test_mqar_has_zoologys_layout():
    rows = made(mqar(), length=64)
    keys, values = rows.tokens_BL[:, 0:8:2], rows.tokens_BL[:, 1:8:2]
    assert keys.min() >= 1 and keys.max() < 8 <= values.min()
    for part in (keys, values):
        assert all(len(set(row)) == 4 for row in part.tolist())
    tail = rows.tokens_BL[:, 8:]
    assert not tail[:, 1::2].any()  # queries are two places apart, the others blank
    assert (np.sort(tail, axis=1)[:, -4:] == np.sort(keys, axis=1)).all()


def drawn_by_choice(slots, pairs, power):
    """Return how often each slot holds a query, drawn as Zoology draws it."""
    generator = np.random.default_rng(0)
    weights = np.arange(1, slots + 1.0) ** (power - 1)
    draws = [generator.choice(slots, pairs, replace=False, p=weights / weights.sum()) for _ in range(ROWS)]
    return np.bincount(np.concatenate(draws), minlength=slots) / ROWS


def test_mqar_places_queries_by_zoologys_power_law():
    tail = made(mqar(), rows=ROWS, length=64).tokens_BL[:, 8::2]
    found = (tail != 0).mean(axis=0)
    deviation = np.sqrt(2 * found * (1 - found) / ROWS)
    assert (np.abs(found - drawn_by_choice(28, 4, 0.01)) < 5 * deviation).all()
    assert not (np.abs(found - drawn_by_choice(28, 4, 0.5)) < 5 * deviation).all()
