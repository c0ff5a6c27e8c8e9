"""A training's journal tells what its history says, from where it went on, and how it ended."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from tests.training.cell_processes import work
from tests.training.forked import Forked
from tests.training.small_cell import CELL, make_root, small_params, states

from resnetbk.tracking.journals import journal_outcome, open_journals, read_journal
from resnetbk.training.cell import train_cell
from resnetbk.training.curves import curves


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_root(tmp_path))
    return tmp_path


def journals(root: Path) -> list[list[dict]]:
    """Return the records of each journal, in the order in which they were begun."""
    return sorted((read_journal(path)[0] for path in open_journals(root)), key=lambda records: records[0]["time"])


def test_it_tells_what_the_history_says(root: Path):
    params = small_params()
    run = params.run.model_copy(update={"determinism": "fast"})  # a level would last beyond this test
    train_cell(params.model_copy(update={"run": run}), "transformer", 0, root=root)
    ((begin, *points, end),) = journals(root)
    facts = {"stage": "train", "cell": CELL, "model": "transformer", "seed": 0, "steps": 3, "from_step": 0}
    assert begin.items() >= {**facts, "tokens_per_step": 24, "experiment": "", "commit": ""}.items()
    assert (end["step"], end["outcome"]) == (3, "finished")
    history = [json.loads(line) for line in (root / f"metrics/train/{CELL}.jsonl").read_text().splitlines()]
    card = json.loads((root / "data/corpus/card.json").read_text())
    assert [(point["step"], point["tokens"]) for point in points] == [(r["step"], r["tokens"]) for r in history]
    for point, row in zip(points, history, strict=True):
        clock = {name for name in point["metrics"] if name.startswith(("time/", "memory/"))}
        assert {name: value for name, value in point["metrics"].items() if name not in clock} == curves(row, card)
        phases = {f"time/{phase}_seconds" for phase in ("data", "forward", "backward", "optimiser")}
        assert not clock or clock == phases | {"time/tokens_per_second", "memory/resident_bytes"}
    assert any(name.startswith("time/") for name in points[0]["metrics"])
    assert "time" not in (root / f"metrics/train/{CELL}.jsonl").read_text(), "no clock reaches an out"


def test_how_it_ended_and_from_where_it_went_on(root: Path):
    outcomes, steps = [], []
    for number in (signal.SIGTERM, signal.SIGKILL):
        process = Forked(root / "errors", work, root, 100_000, 1)
        process.wait_until(lambda: states(root) and len(journals(root)) == len(outcomes) + 1)
        assert journal_outcome(journals(root)[-1]) == "running"
        process.send(number)
        process.wait()
        records = journals(root)[-1]
        outcomes.append(journal_outcome(records))
        steps.append((records[0]["from_step"], records[-1].get("step")))
    assert outcomes == ["interrupted", "killed"]
    assert steps[0][0] == 0 < steps[0][1] == steps[1][0], "the second went on where the first had saved"
