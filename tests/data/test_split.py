from collections import Counter

from resnetbk.data.split import assign, fingerprint


def place(text, seed=0):
    return assign(fingerprint(text), validation_fraction=0.1, test_fraction=0.2, seed=seed)


def test_fractions_are_kept():
    counts = Counter(place(str(number)) for number in range(20000))
    assert abs(counts[1] / 20000 - 0.1) < 0.01
    assert abs(counts[2] / 20000 - 0.2) < 0.01


def test_whitespace_does_not_make_another_document():
    assert fingerprint("a  b\n") == fingerprint(" a b")
    assert fingerprint("a b") != fingerprint("ab")
    assert fingerprint(" \n") == b""


def test_the_seed_reshuffles():
    assert any(place(str(number)) != place(str(number), seed=1) for number in range(20))


def test_pinned():
    """A change here moves documents between the splits of every corpus."""
    assert [place(str(number)) for number in range(12)] == [0, 0, 0, 0, 2, 2, 0, 0, 0, 1, 0, 0]
