import hashlib

import pytest

from resnetbk.data.cache import cached
from resnetbk.errors import UserError

CONTENT = b"pinned"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def test_fetches_once(root):
    calls = []
    for _ in range(2):
        path = cached(SHA256, "thing", lambda: calls.append(1) or CONTENT)
        assert path.read_bytes() == CONTENT
    assert len(calls) == 1


def test_a_damaged_copy_is_fetched_again(root, capsys):
    path = cached(SHA256, "thing", lambda: CONTENT)
    path.write_bytes(CONTENT[:3])
    assert cached(SHA256, "thing", lambda: CONTENT).read_bytes() == CONTENT
    assert "damaged" in capsys.readouterr().err


def test_a_moved_hash_is_refused_and_leaves_nothing(root):
    with pytest.raises(UserError) as error:
        cached(SHA256, "thing", lambda: b"other")
    assert SHA256 in str(error.value)
    assert hashlib.sha256(b"other").hexdigest() in str(error.value)
    assert not [path for path in root.rglob("*") if path.is_file()]
