"""What killed processes left: their unfinished files, and nobody else's."""

from __future__ import annotations

import os
import subprocess

from tests.housekeeping.repository import Repository

from resnetbk.housekeeping.leftovers import dead_copies, unfinished_files


def gone_process() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_unfinished_files_of_dead_processes_are_found_and_no_others(repository: Repository):
    dead = gone_process()
    path = repository.path / "models"
    path.mkdir()
    found = [path / f".weights.safetensors.{dead}.partial", path / f".corpus.{dead}.partial"]
    found[0].write_bytes(b"12")
    found[1].mkdir()
    (found[1] / "tokens").write_bytes(b"345")
    kept = [path / f".weights.safetensors.{os.getpid()}.partial", path / "my.partial", path / f"a.{dead}.partial"]
    for file in kept:
        file.write_bytes(b"")
    findings = list(unfinished_files(repository.path))
    assert {finding.name: finding.size for finding in findings} == {
        f"models/.weights.safetensors.{dead}.partial": 2,
        f"models/.corpus.{dead}.partial": 3,
    }
    for finding in findings:
        finding.remove()
    assert not any(file.exists() for file in found)
    assert all(file.exists() for file in kept)


def test_copies_of_experiments_are_found_and_the_queues_own_files_are_kept(repository: Repository):
    copies = repository.path / ".dvc/tmp/exps"
    for name in ("tmpabc/src", "standalone/tmpdef", "run", "celery"):
        (copies / name).mkdir(parents=True)
    assert [finding.name for finding in dead_copies(repository.path)] == [
        ".dvc/tmp/exps/standalone/tmpdef",
        ".dvc/tmp/exps/tmpabc",
    ]
