"""Run the pipeline of dvc.yaml with its cells side by side, and prove that it can be run again.

`dvc repro` runs one stage after another. Cells do not depend on each other, so here they run as several `dvc
repro` processes at once (each waits for DVC's lock, which is free while a stage works) between a serial start
and a serial end. The hashes are those of plain `dvc repro`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from resnetbk.errors import UserError
from resnetbk.params import load_params
from resnetbk.repro.files import write_bytes

NOISE = ("Use `dvc push`", "To track the changes", "\tgit add", "Updating lock file", "Generating lock file")


def reproduce(jobs: int) -> None:
    """Bring everything in dvc.yaml up to date, `jobs` cells at a time.

    **Raises:** `UserError` naming what failed; finished cells are kept.
    """
    start = time.monotonic()
    params = load_params()
    if _dvc("status", "--quiet", check=False) == 0:
        print("Data and pipelines are up to date.")
        return
    _together([["repro", "prepare"]], 1)
    _together(
        [["repro", "-s", f"audit@{model}"] for model in params.run.models] + [["repro", "-s", "baselines"]],
        jobs,
    )
    cells = [f"{model}-{seed}" for seed in params.run.seeds for model in params.run.models]
    _together([["repro", "-s", f"train@{cell}", f"evaluate@{cell}"] for cell in cells], jobs)
    _together([["repro"]], 1)
    tidy_lock(Path("dvc.lock"))
    print(f"Everything is up to date after {time.monotonic() - start:.0f} s. Open report/index.html")


def tidy_lock(path: Path) -> None:
    """Put the entries of dvc.lock in the order of dvc.yaml and drop those of stages that are no more.

    DVC appends an entry when a stage ends, so cells that run side by side would leave an order made by chance;
    and it keeps the entries of a cell that left the matrix, while `dvc status` says that all is well.
    """
    head, *blocks = re.split(r"^(?=  \S+:$)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    entries = {block.split(":", 1)[0].strip(): block for block in blocks}
    listed = subprocess.run(
        [sys.executable, "-m", "dvc", "stage", "list", "--name-only"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    for name in entries.keys() - set(listed):
        print(f"dvc.lock: dropped {name}, which dvc.yaml no longer makes")
    tidy = head + "".join(entries[name] for name in listed if name in entries)
    write_bytes(path, tidy.encode())


def verify(jobs: int) -> None:
    """Rebuild the last commit from nothing, in a clone with an empty cache, and compare the hashes.

    **Raises:** `UserError` when something is not committed, or when dvc.lock or a committed out differs.
    """
    dirty = _git("status", "--porcelain", "--untracked-files=no")
    if dirty:
        raise UserError(
            f"these files differ from the last commit, so there is nothing definite to verify:\n{dirty}\n"
            "Commit them (after `make reproduce`) or restore them, then run `make verify` again"
        )
    with tempfile.TemporaryDirectory(prefix="resnetbk-verify-") as directory:
        subprocess.run(["git", "clone", "--quiet", ".", directory], check=True)
        Path(directory, "dvc.lock").unlink()  # or stages whose outs are committed would be taken as done
        command = [sys.executable, "-m", "resnetbk.cli", "reproduce", "--jobs", str(jobs)]
        environment = {**os.environ, "PYTHONPATH": "src"}
        if subprocess.run(command, cwd=directory, env=environment).returncode:
            raise UserError("the pipeline failed in a clone of the last commit; see above")
        changed = _git("-C", directory, "status", "--porcelain")
        if changed:
            print(
                _git("-C", directory, "diff", "--stat"),
                _git("-C", directory, "diff", "-U0", "dvc.lock"),
                sep="\n",
            )
            raise UserError(f"rebuilding the last commit from nothing changed:\n{changed}")
    print("Verified: rebuilt from nothing, dvc.lock and every committed out are the same, byte for byte.")


def _dvc(*arguments: str, check: bool = True) -> int:
    return subprocess.run([sys.executable, "-m", "dvc", *arguments], check=check).returncode


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.rstrip()


def _together(commands: list[list[str]], jobs: int) -> None:
    """Run several dvc commands, `jobs` at a time, and pass their output on line by line."""
    failed = []

    def run(command: list[str]) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "dvc", "--wait-for-lock", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for line in process.stdout:
            if line.strip() and not line.startswith(NOISE):
                print(line, end="", flush=True)
        if process.wait():
            failed.append(" ".join(command))

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(run, commands))
    if failed:
        raise UserError(f"failed: {', '.join(f'dvc {command}' for command in failed)}; the cause stands above")
