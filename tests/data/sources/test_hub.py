"""The hub's own client, in a process of its own, against a hub of one dataset on the loopback."""

import io
import json
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
from tests.data.sources.hub_server import REPOSITORY, REVISION, hub

from resnetbk.data.sources.hub import FIRST_LINES, join_lines

SCRIPT = """
import json, sys, time
time.sleep = lambda seconds: None  # between the client's tries
from resnetbk.data.sources.hub import documents
from resnetbk.errors import UserError
from resnetbk.params.corpus import HubCorpus
for asked in json.loads(sys.argv[1]):
    try:
        print(json.dumps(list(documents(HubCorpus(kind="hub", **asked)))))
    except UserError as error:
        print(json.dumps(str(error)))
"""


def read(url, root, *asked):
    """Read several corpora in one process; for each, its documents or what was said to the user."""
    corpora = [{"repository": REPOSITORY, "revision": REVISION, **changes} for changes in asked]
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(corpora)],
        env={**os.environ, "HF_ENDPOINT": url, "HF_HOME": str(root / "hf"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_pinned_revision_and_what_the_hub_lacks(root):
    buffer = io.BytesIO()
    pq.write_table(pa.table({"text": ["one", "two"]}), buffer)
    configs = "---\nconfigs:\n- {config_name: small, data_files: train.parquet}\n---\n"
    with hub({"README.md": configs.encode(), "train.parquet": buffer.getvalue()}) as url:
        unknown, kept, streamed, moved, field, split = read(
            url,
            root,
            {"revision": "cd" * 20},
            {"subset": "small"},
            {"streaming": True},
            {"subset": "small", "revision": "cd" * 20},  # `datasets` would give what it cached just before
            {"text_field": "body"},
            {"split": "test"},
        )
    assert kept == streamed == ["one", "two"]
    assert unknown.startswith("the hub has no dataset tiny/set at revision cdcdcdcdcdcd")
    assert moved.startswith("the hub does not give tiny/set at revision cdcdcdcdcdcd; its cache here holds abab")
    assert field == "tiny/set: expected text in field 'body'; its fields are text"
    assert split.startswith("cannot read tiny/set at revision abababababab from the hub")
    assert read("http://127.0.0.1:9", root, {"subset": "small"}) == [["one", "two"]]  # pinned, and cached


def test_server_down(root):
    (message,) = read("http://127.0.0.1:9", root, {})
    assert message.startswith("cannot read tiny/set at revision abababababab from the hub: Couldn't reach")


def test_wikitext_rows_are_joined_to_articles():
    rows = ["", " = One = \n", "", " text \n", " = = Part = = \n", " more \n", " = Two = \n", " text \n"]
    articles = list(join_lines(rows, FIRST_LINES["Salesforce/wikitext"]))
    assert articles == ["", " = One = \n text \n = = Part = = \n more \n", " = Two = \n text \n"]
