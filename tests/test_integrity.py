"""`resnetbk verify PATH` and `resnetbk manifest DIRECTORY`, as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.packed_corpus import draw_documents, write_corpus

from resnetbk.cli import main
from resnetbk.repro.checkpoints import CheckpointVerifier
from resnetbk.repro.files import sha256_file
from resnetbk.repro.sealed import write_sealed


@pytest.fixture
def resnetbk(capsys):
    """Run a command line; return its exit code and what it printed."""

    def run(*arguments: str | Path) -> tuple[int | str | None, str]:
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        return end.value.code, capsys.readouterr().out

    return run


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "results/sub").mkdir(parents=True)
    (tmp_path / "results/a.bin").write_bytes(b"a")
    (tmp_path / "results/sub/b.bin").write_bytes(b"b")
    return tmp_path / "results"


def test_a_directory(resnetbk, directory: Path, tmp_path: Path):
    assert resnetbk("manifest", directory) == (None, f"{directory}/integrity.json: 2 files, 2 bytes\n")
    assert resnetbk("verify", directory) == (0, f"{directory}: intact, files: 2\n")
    assert resnetbk("verify", directory / "integrity.json")[0] == 0
    (directory / "a.bin").write_bytes(b"c")
    (directory / "new").touch()
    code, printed = resnetbk("verify", directory)
    assert (code, printed.splitlines()[1:]) == (1, ["  extra: new", "  changed: a.bin"])
    code, printed = resnetbk("verify", directory, "--json")
    found = json.loads(printed)
    assert (code, found["intact"], found["details"]["changed"]) == (1, False, ["a.bin"])
    assert resnetbk("manifest", directory)[0].startswith(f"ERROR: {directory}/integrity.json: there is a manifest")
    assert resnetbk("manifest", directory, "--replace", "--algorithm", "blake2b")[0] is None
    assert resnetbk("verify", directory)[0] == 0


def test_a_manifest_elsewhere(resnetbk, directory: Path, tmp_path: Path):
    resnetbk("manifest", directory, "--out", tmp_path / "list.json")
    assert resnetbk("verify", directory, "--manifest", tmp_path / "list.json")[0] == 0
    (directory / "a.bin").unlink()
    assert resnetbk("verify", directory, "--manifest", tmp_path / "list.json")[0] == 1


def test_checkpoints(resnetbk, directory: Path, tmp_path: Path):
    registry = tmp_path / "registry.json"
    CheckpointVerifier(registry).register(directory / "a.bin")
    CheckpointVerifier(registry).register(directory / "sub")
    assert resnetbk("verify", registry) == (0, "results/a.bin: intact\nresults/sub: intact\n")
    (directory / "sub/b.bin").write_bytes(b"c")
    assert resnetbk("verify", directory / "a.bin", "--registry", registry)[0] == 0
    assert resnetbk("verify", directory / "sub", "--registry", registry)[0] == 1
    assert resnetbk("verify", registry)[0] == 1


def test_a_trained_cell(resnetbk, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ("models/small-0/weights.safetensors", "metrics/train/small-0.jsonl")
    for name in names:
        Path(name).parent.mkdir(parents=True)
        Path(name).write_text(name)
    manifest = {"model": "small", "files": {name: sha256_file(name) for name in names}}
    write_sealed("models/small-0/manifest.json", manifest)
    for path in ("models/small-0", "models/small-0/manifest.json"):
        assert resnetbk("verify", path) == (0, "".join(f"{name}: intact\n" for name in names))
    Path(names[0]).write_text("other")
    Path(names[1]).unlink()
    assert resnetbk("verify", "models/small-0") == (1, f"{names[0]}: changed\n{names[1]}: missing\n")


def test_a_packed_corpus(resnetbk, tmp_path: Path):
    documents = {name: draw_documents(0, (9,), 5) for name in ("train", "validation", "test")}
    folder = write_corpus(tmp_path / "corpus", documents, 5)
    assert resnetbk("verify", folder)[0] == 0
    (folder / "train.documents.npy").write_bytes(b"other")
    code, printed = resnetbk("verify", folder)
    assert code == 1 and "train.documents.npy: expected SHA-256" in printed


def test_what_cannot_be_checked_is_an_error(resnetbk, directory: Path, tmp_path: Path):
    assert "nothing here says what it was" in resnetbk("verify", directory)[0]
    assert "nothing here says what it was" in resnetbk("verify", directory / "a.bin")[0]
    (tmp_path / "x.json").write_text("{}")
    assert resnetbk("verify", tmp_path / "x.json")[0].startswith(
        f"ERROR: {tmp_path}/x.json: expected a JSON object"
    )
    resnetbk("manifest", directory)
    text = (directory / "integrity.json").read_text()
    (directory / "integrity.json").write_text(text.replace("a.bin", "/etc"))
    assert "damaged or edited" in resnetbk("verify", directory)[0]
    assert resnetbk("manifest", tmp_path / "absent")[0].startswith("ERROR: ")
