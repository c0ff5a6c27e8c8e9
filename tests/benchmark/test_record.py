"""What every benchmark leaves behind."""

import json

from resnetbk.benchmark.record import measured_on, write_record
from resnetbk.benchmark.settings import Target


def test_a_record_is_two_files_and_a_line_for_each_target(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    figures = {"asked": {"mamba": 1.0, "transformer": 3.0}, "not_asked": 5}
    write_record("speed", {"all": [1, 2]}, figures, {"asked": Target("at most", 2)})
    assert json.loads((tmp_path / "metrics/speed_details.json").read_text()) == {"all": [1, 2]}
    assert json.loads((tmp_path / "metrics/speed.json").read_text()) == figures
    said = ["reached: asked mamba 1.0000, at most 2", "MISSED: asked transformer 3.0000, at most 2"]
    assert capsys.readouterr().out.splitlines() == said


def test_times_are_told_with_their_commit_and_host():
    assert list(measured_on("python")) == ["commit", "dirty", "platform", "cpu", "memory_bytes", "python"]
