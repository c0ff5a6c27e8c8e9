"""The doctor as a whole: what is wrong is exit code 1, and something that breaks is a finding too."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from resnetbk.cli import main
from resnetbk.doctor import EXAMINATIONS, diagnose
from resnetbk.doctor.finding import Finding

ROOT = Path(__file__).parents[2]


def test_an_examination_that_fails_is_a_finding_and_the_others_go_on():
    def broken(root: Path) -> list[Finding]:
        raise ValueError("two\nlines")

    found = list(diagnose(ROOT, {"first": broken, "second": lambda root: [Finding("second", "ok", "well")]}))
    assert [(finding.state, finding.name) for finding in found] == [("wrong", "first"), ("ok", "second")]
    assert found[0].found == "cannot be examined: ValueError: two lines"


def test_what_is_wrong_has_a_cure():
    with pytest.raises(AssertionError, match="nothing says how to mend it"):
        Finding("disk", "wrong", "full")


def test_a_python_without_packages_gets_findings_and_no_traceback():
    """`-S` hides every installed package; the interpreter itself is a real one."""
    names = [name for name in EXAMINATIONS if name not in ("torch", "python", "git")]
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})\n"
        "from pathlib import Path; from resnetbk.doctor import EXAMINATIONS, diagnose\n"
        f"for finding in diagnose(Path({str(ROOT)!r}), {{name: EXAMINATIONS[name] for name in {names}}}):\n"
        "    print(finding.state, finding.name, finding.mend)"
    )
    said = subprocess.run([sys.executable, "-S", "-c", code], check=True, capture_output=True, text=True).stdout
    for name in ("packages", "processor", "params", "dvc", "mlflow"):
        assert f"wrong {name} make setup\n" in said


def test_outside_of_the_repository_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit:
        main("doctor --json --only python --only packages --only git --only params".split())
    states = {finding["name"]: finding["state"] for finding in json.loads(capsys.readouterr().out)}
    assert exit.value.code == 1
    assert states["library"] == states["packages"] == states["repository"] == states["params.yaml"] == "wrong"


@pytest.mark.nightly
def test_here_nothing_is_wrong(monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as exit:
        main(["doctor"])
    shown = capsys.readouterr().out
    assert exit.value.code == 0, shown
    assert shown.endswith("Nothing is wrong.\n")
