"""`resnetbk env`: a summary for people, everything as JSON."""

from __future__ import annotations

import argparse
import json

import pytest

from resnetbk.commands import env


def run(*arguments: str) -> None:
    parser = argparse.ArgumentParser()
    env.configure(parser)
    env.run(parser.parse_args(arguments))


@pytest.fixture(autouse=True)
def outside_of_a_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_json_has_everything(capfd):
    run("--json")
    info = json.loads(capfd.readouterr().out)
    assert info["torch"]["version"] and info["packages"]["torch"]


def test_the_summary_says_what_is_unknown(capfd):
    run()
    text = capfd.readouterr().out
    assert "commit" in text and "unknown: " in text
    assert "no requirements.lock here" in text
    assert max(map(len, text.splitlines())) < 400


def test_changes_are_counted():
    diff = "--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n-old\n+new\n+--- more\n context\n"
    assert env._changes({"dirty": True, "diff": diff, "untracked": {"y": None}}) == "3 lines, 1 untracked files"
    assert env._changes({"dirty": False}) == "nothing"
    assert env._changes({"dirty": None}) == "unknown"
