"""What a process opens is recorded by whichever way of Python it is opened, and what is not recorded is known."""

from __future__ import annotations

import importlib
import json
import mmap
import os
import py_compile
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from resnetbk.repro.opened_files import announce, mapped_files, not_an_input, record_opened_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    np.save(tmp_path / "data/file.npy", np.arange(4))
    torch.save({"a": torch.ones(2)}, tmp_path / "data/file.pt")
    save_file({"a": torch.ones(2)}, tmp_path / "data/file.safetensors")
    sqlite3.connect(tmp_path / "data/file.db").close()
    (tmp_path / "data/file.db").touch()
    (tmp_path / "data/file.txt").write_text("text")
    return tmp_path


def in_thread(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def with_descriptor(path: Path) -> None:
    os.close(os.open(path, os.O_RDONLY))


def load_torch(path: Path) -> None:
    with path.open("rb") as file:
        torch.load(file, weights_only=True)


def there_and_back(path: Path) -> None:
    path.rename(path.with_suffix(".moved")).rename(path)


WAYS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "open": ("txt", lambda path: open(path).close()),
    "bytes as a path": ("txt", lambda path: open(os.fsencode(path)).close()),
    "pathlib": ("txt", Path.read_text),
    "os.open": ("txt", with_descriptor),
    "relative": ("txt", lambda path: open("file.txt").close()),
    "to read and write": ("txt", lambda path: open(path, "r+").close()),
    "copy": ("txt", lambda path: shutil.copy(path, path.with_suffix(".copy"))),
    "rename": (
        "txt",
        lambda path: shutil.copy(path, path.with_suffix(".x")) and os.rename(path.with_suffix(".x"), path),
    ),
    "a thread": ("txt", lambda path: in_thread(path.read_text)),
    "numpy.load": ("npy", np.load),
    "numpy.memmap": ("npy", lambda path: np.memmap(path, np.uint8, "r")),
    "torch.load of a file": ("pt", load_torch),
    "sqlite3": ("db", lambda path: sqlite3.connect(path).close()),
}


@pytest.mark.parametrize("way", WAYS)
def test_reading_is_recorded(folder: Path, monkeypatch: pytest.MonkeyPatch, way: str):
    monkeypatch.chdir(folder / "data")
    ending, read = WAYS[way]
    with record_opened_files() as opened:
        read(folder / f"data/file.{ending}")
    assert opened.read_under(folder) == [f"data/file.{ending}"]


def test_what_is_read_outside_the_block_is_not_recorded(folder: Path):
    (folder / "data/file.txt").read_text()
    with record_opened_files() as opened:
        pass
    (folder / "data/file.txt").read_text()
    assert opened.read_under(folder) == []


def test_blocks_nest(folder: Path):
    with record_opened_files() as outer:
        with record_opened_files() as inner:
            (folder / "data/file.txt").read_text()
        (folder / "data/file.npy").read_bytes()
    assert inner.read_under(folder) == ["data/file.txt"]
    assert outer.read_under(folder) == ["data/file.npy", "data/file.txt"]


def test_what_this_process_made_is_no_input(folder: Path):
    with record_opened_files() as opened:
        (folder / "made").write_text("x")
        (folder / "made").rename(folder / "renamed")
        (folder / "renamed").read_text()
        with (folder / "data/file.txt").open("a") as file:
            file.write("appended")
    assert opened.read_under(folder) == []


def test_a_file_that_was_read_and_then_written_anew_was_read(folder: Path):
    with record_opened_files() as opened:
        text = (folder / "data/file.txt").read_text()
        (folder / "data/file.txt").write_text(text)
    assert opened.read_under(folder) == ["data/file.txt"]


def test_a_file_that_was_extended_first_and_then_read_was_read(folder: Path):
    with record_opened_files() as opened:
        with (folder / "data/file.txt").open("a") as file:
            file.write("more")
        (folder / "data/file.txt").read_text()
    assert opened.read_under(folder) == ["data/file.txt"]


@pytest.mark.parametrize("cached", [False, True])
def test_an_import_is_recorded_as_its_source(folder: Path, monkeypatch: pytest.MonkeyPatch, cached: bool):
    name = f"imported_{cached}".lower()
    (folder / f"{name}.py").write_text("VALUE = 1")
    monkeypatch.syspath_prepend(folder)
    if cached:
        py_compile.compile(str(folder / f"{name}.py"))
    with record_opened_files() as opened:
        importlib.import_module(name)
    monkeypatch.delitem(sys.modules, name)
    assert opened.read_under(folder) == [f"{name}.py"]


def test_what_was_imported_before_counts(folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / "imported_before.py").write_text("")
    monkeypatch.syspath_prepend(folder)
    importlib.import_module("imported_before")
    with record_opened_files() as opened:
        pass
    assert opened.read_under(folder) == ["imported_before.py"]
    monkeypatch.delitem(sys.modules, "imported_before")


def test_listing_is_recorded(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)
    with record_opened_files() as opened:
        list(Path("data").glob("*"))
    assert opened.listed_under(folder) == ["data"]
    with record_opened_files() as opened:
        os.listdir()
    assert opened.listed_under(folder) == ["."]


def test_a_link_counts_where_it_lies(folder: Path):
    (folder / "project").mkdir()
    (folder / "project/link").symlink_to(folder / "data/file.txt")
    (folder / "elsewhere").symlink_to(folder / "project")
    with record_opened_files() as opened:
        (folder / "elsewhere/link").read_text()
    assert opened.read_under(folder / "project") == ["link"]
    assert opened.read_under(folder / "elsewhere") == ["link"]


def test_ignored_names_do_not_count(folder: Path):
    with record_opened_files() as opened:
        (folder / "data/file.txt").read_text()
    assert opened.read_under(folder, ignore=["data"]) == []
    assert opened.read_under(folder, ignore=["file.txt"]) == []


def test_not_an_input(folder: Path):
    with record_opened_files() as opened, not_an_input():
        (folder / "data/file.txt").read_text()
        in_thread((folder / "data/file.npy").read_bytes)
    assert opened.read_under(folder) == ["data/file.npy"], "another thread's reading counts"


def test_what_goes_round_python_is_seen_while_it_is_mapped_or_when_it_is_announced(folder: Path):
    """The limits, as the docstring has them; if safetensors comes to open through Python, it has to be changed."""
    path = folder / "data/file.safetensors"
    with record_opened_files() as opened:
        load_file(path)
    assert opened.read_under(folder) == []
    with record_opened_files() as opened:
        announce(path)
        load_file(path)
    assert opened.read_under(folder) == ["data/file.safetensors"]


def test_a_mapped_file_is_seen_in_the_memory_map(folder: Path):
    with (folder / "data/file.txt").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ):
        assert str(folder / "data/file.txt") in mapped_files()
        with record_opened_files() as opened:
            pass
        assert opened.read_under(folder) == ["data/file.txt"]
    assert opened.read_under(folder) == []


def test_a_program_is_named():
    with record_opened_files() as opened:
        subprocess.run([sys.executable, "-c", ""], check=True)
    assert opened.programs == {sys.executable}


def test_odd_arguments_do_no_harm():
    with record_opened_files() as opened:
        with pytest.raises(ValueError):
            open("a\0b")
        with pytest.raises(TypeError):
            open(object())
    assert not any("\0" in path for path in opened.read_under("."))


def test_a_training_step_raises_few_events_and_an_event_costs_little():
    """The hook cannot be taken away, so that what it costs where it has nothing to notice must not matter."""
    code = (
        "import json, sys, time, torch\n"
        "from resnetbk.repro.opened_files import record_opened_files\n"
        "events = []\n"
        "model = torch.nn.Linear(8, 8); optimiser = torch.optim.AdamW(model.parameters())\n"
        "def step():\n"
        "    optimiser.zero_grad(); model(torch.ones(2, 8)).sum().backward(); optimiser.step()\n"
        "step()\n"
        "with record_opened_files() as opened:\n"
        "    start = time.process_time()\n"
        "    for _ in range(100_000): sys.audit('object.__getattr__', None, '')\n"
        "    seconds = time.process_time() - start\n"
        "sys.addaudithook(lambda event, _: events.append(event))\n"
        "before = len(events); step(); number = len(events) - before\n"
        "print(json.dumps([number, seconds / 100_000]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    events, seconds = json.loads(done.stdout)
    assert events * seconds < 1e-3, (events, seconds)
