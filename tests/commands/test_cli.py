"""The command line as a whole: help comes at once, every command has an example that works, errors are short."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from resnetbk import commands
from resnetbk.cli import build_parser, command_names, leaves, main

ROOT = Path(__file__).parents[2]
HEAVY = "torch numpy pandas scipy pydantic mlflow dvc rich transformers optuna matplotlib"
LISTS_HEAVY = f"import sys; print(*[name for name in '{HEAVY}'.split() if name in sys.modules])"
HELP_SECONDS = 0.3
EXAMPLE = re.compile(r"^  (.*\bresnetbk .*)$", re.M)


def parsers() -> dict[str, object]:
    return {parser.prog: parser for parser in leaves(build_parser())}


def words_of(line: str) -> list[str]:
    """Return the arguments that `resnetbk` gets from a line of shell."""
    inner = re.fullmatch(r"source <\((.*)\)", line)
    return shlex.split((inner[1] if inner else line).split(" > ")[0])[1:]


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def cpu_seconds(*command: str) -> float:
    """Return the CPU time of a command: other work on this machine is not its fault."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return used.ru_utime + used.ru_stime


def test_every_module_is_a_command_or_shared():
    modules = {path.stem for path in Path(commands.__file__).parent.glob("*.py")} - {"__init__"}
    assert modules == {*command_names(), *commands.SHARED}


@pytest.mark.parametrize("prog", parsers())
def test_every_command_shows_an_example_that_parses(prog: str):
    shown = EXAMPLE.findall(parsers()[prog].format_help())
    assert shown, f"`{prog} --help` shows no example: add a line that begins with `{prog}` to EXAMPLE"
    for line in shown:
        assert build_parser().parse_args(words_of(line)).run, line


def test_an_example_that_is_wrong_is_found():
    with pytest.raises(SystemExit):
        build_parser().parse_args(shlex.split("reproduce --job-count 2"))


def test_help_loads_no_heavy_module():
    assert run(f"from resnetbk.cli import build_parser; build_parser().format_help(); {LISTS_HEAVY}") == ""


def test_a_heavy_module_would_be_seen():
    assert run(f"import numpy; {LISTS_HEAVY}") == "numpy"


def test_help_comes_at_once():
    used = []
    while len(used) < 5 and min(used, default=1) > HELP_SECONDS:  # a machine that is busy slows a process too
        used.append(cpu_seconds(sys.executable, "-m", "resnetbk.cli", "--help"))
    assert min(used) <= HELP_SECONDS, f"{min(used):.2f} s"


def test_a_slow_start_would_be_seen():
    busy = f"import time\nwhile time.process_time() < {HELP_SECONDS}: pass"
    assert cpu_seconds(sys.executable, "-c", busy) > HELP_SECONDS


def test_an_error_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit:
        main(["watch", "--once"])
    assert exit.value.code == f"ERROR: {tmp_path}: no dvc.yaml here; run from the repository's root"


def test_a_reader_that_has_gone_is_no_error():
    command = f"{sys.executable} -m resnetbk.cli params schema | (exec <&-)"
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (141, "")
