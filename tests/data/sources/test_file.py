import hashlib
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resnetbk.data.sources.file import documents
from resnetbk.errors import UserError
from resnetbk.params.corpus import FileCorpus


def corpus(root, content: bytes, format: str, text_field="text", sha256=None):
    (root / "c").write_bytes(content)
    digest = sha256 or hashlib.sha256(content).hexdigest()
    return FileCorpus(kind="file", path="c", sha256=digest, format=format, text_field=text_field)


@pytest.mark.parametrize(
    ("format", "content", "expected"),
    [
        ("text", b"a\n\nb\n", ["a\n\nb\n"]),
        ("paragraphs", b"\na\nb\n \n\nc", ["a\nb\n", "c"]),
        ("json", json.dumps(["a", {"text": "b"}]).encode(), ["a", "b"]),
        ("jsonl", b'{"text": "a"}\n\n{"text": "b"}\n', ["a", "b"]),
    ],
)
def test_formats(root, format, content, expected):
    assert list(documents(corpus(root, content, format))) == expected


def test_parquet_with_its_column(root):
    path = root / "made"
    pq.write_table(pa.table({"body": [f"row {i}" for i in range(600)]}), path)
    assert list(documents(corpus(root, path.read_bytes(), "parquet", "body"))) == [f"row {i}" for i in range(600)]
    with pytest.raises(UserError, match="no column 'text'; it has body"):
        list(documents(corpus(root, path.read_bytes(), "parquet")))


@pytest.mark.parametrize(
    ("format", "content", "message"),
    [
        ("text", b"\xff\xfe", "not UTF-8"),
        ("json", b"[1", "not valid JSON"),
        ("json", b"{}", "expected a JSON list"),
        ("jsonl", b'{"text": "a"}\n{"body": "b"}\n', "line 2: expected text.*found fields body"),
        ("jsonl", b'{"text": "a"}\n{"te', "line 2: not valid JSON"),
        ("parquet", b"PAR1", "not a parquet file"),
        ("wikipedia", b"BZh9", "not a whole Wikipedia dump"),
    ],
)
def test_bad_content_is_named(root, format, content, message):
    with pytest.raises(UserError, match=message):
        list(documents(corpus(root, content, format)))


def test_missing_and_moved(root):
    with pytest.raises(UserError, match=r"expected SHA-256 0{64}, found [0-9a-f]{64}"):
        documents(corpus(root, b"a", "text", sha256="0" * 64))
    (root / "c").unlink()
    with pytest.raises(UserError, match="no file"):
        documents(FileCorpus(kind="file", path="c", sha256="0" * 64, format="text"))
