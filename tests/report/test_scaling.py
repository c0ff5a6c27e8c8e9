"""A scaling curve is of comparisons in other commits, each named; it is drawn where some were collected."""

from __future__ import annotations

import json
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from tests.report.elements import Elements, page, plain

from resnetbk.cli import main
from resnetbk.errors import UserError
from resnetbk.report.build import build_report
from resnetbk.report.collecting import collect_scaling


@pytest.fixture
def repository(tmp_path: Path, compared: str, monkeypatch) -> Path:
    """A repository whose tags `large` and `small` hold comparisons of two sizes, and `none` holds none."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    folder = tmp_path / "repository"
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc/config").write_text("[core]\n    analytics = false\n")
    run(folder, "init", "--quiet")
    commit(folder, "none", "")
    commit(folder, "large", compared)
    commit(folder, "small", smaller(compared))
    return folder


def smaller(compared: str) -> str:
    document = json.loads(compared)
    for score in document["models"].values():
        score["loss"] += 0.5
        score["loss_by_seed"] = [loss + 0.5 for loss in score["loss_by_seed"]]
        for cell in score["ledger"]:
            cell["parameters_non_embedding"] //= 4
    return json.dumps(document)


def commit(folder: Path, tag: str, content: str) -> None:
    if content:
        (folder / "metrics").mkdir(exist_ok=True)
        (folder / "metrics/comparison.json").write_text(content)
    run(folder, "add", "--all")
    run(folder, "commit", "--quiet", "--allow-empty", "--message", tag)
    run(folder, "tag", tag)


def run(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Nobody", "-c", "user.email=nobody@invalid"]
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_runs_of_several_sizes_make_a_curve(repository: Path, root: Path, params, compared):
    found = collect_scaling(["large", "small"], root=repository)
    assert [run["commit"] for run in found["runs"]] == [
        run(repository, "rev-parse", tag) for tag in ("small", "large")
    ]
    assert found["runs"][1]["sha256"] == sha256(compared.encode()).hexdigest()
    (root / "metrics/scaling.json").write_text(json.dumps(found))
    built = build_report(params, root)
    Elements(page(built))
    table = plain(built)[plain(built).index('id="scaling1-caption"') :].partition("</table>")[0]
    for collected in found["runs"]:
        assert f"commit {collected['commit'][:12]}" in table
        assert f"{collected['models']['mamba']['loss']:.4f}" in table
        assert f"{collected['models']['mamba']['parameters']:,}" in table
    assert 'data-key="runs.1"' in page(built)
    assert len(built["plots/scaling.csv"].decode().splitlines()) == 1 + 2 * len(params.run.models)
    assert "mamba" in built["plots/scaling.svg"].decode()


def test_the_command_writes_what_the_report_reads(repository: Path, monkeypatch, capsys):
    monkeypatch.chdir(repository)
    with pytest.raises(SystemExit) as ended:
        main(["scaling", "large", "small"])
    assert ended.value.code == 0 and "2 runs" in capsys.readouterr().out
    assert json.loads((repository / "metrics/scaling.json").read_text()) == collect_scaling(["small", "large"])


def test_there_is_no_curve_without_them(built):
    assert "plots/scaling.svg" not in built and "Not measured: no runs of other sizes" in page(built)
    assert built["plots/scaling.csv"] == b"parameters,loss,lowest,highest,model\n"


@pytest.mark.parametrize(
    ("revisions", "message"),
    [
        (["large", "nobody"], "nobody: no commit and no experiment"),
        (["none"], "none: has no metrics/comparison.json"),
        (["large", "large"], "have .* in one size"),
    ],
)
def test_what_makes_no_curve_is_refused(repository: Path, revisions, message):
    with pytest.raises(UserError, match=message):
        collect_scaling(revisions, root=repository)


def test_other_text_is_refused(repository: Path, compared):
    document = json.loads(smaller(smaller(compared)))
    document["documents"] += 1
    commit(repository, "other", json.dumps(document))
    with pytest.raises(UserError, match="documents: losses on different text make no curve"):
        collect_scaling(["large", "other"], root=repository)


def test_a_file_of_another_shape_is_refused(root: Path, params):
    (root / "metrics/scaling.json").write_text('{"runs": [{"commit": 3}]}')
    with pytest.raises(UserError, match=r"(?s)metrics/scaling\.json: runs\.0\.commit.*anew: resnetbk scaling"):
        build_report(params, root)
    (root / "metrics/scaling.json").unlink()
    with pytest.raises(UserError, match=r"git checkout -- metrics/scaling\.json"):
        build_report(params, root)
