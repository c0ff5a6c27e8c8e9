"""A lock of what is installed holds every package that the requirements lead to, and says where each came from."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from resnetbk.repro.installed import address_of_installed, pin_installed

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_everything_below_a_requirement_is_pinned():
    pins = {line.split("==")[0]: line.split("==")[1] for line in pin_installed(["jinja2", "pydantic"], PYTHON)}
    assert {"jinja2", "markupsafe", "pydantic", "pydantic-core", "typing-extensions"} <= pins.keys()
    assert all(found == version(name).partition("+")[0] for name, found in pins.items())
    assert list(pins) == sorted(pins)


def test_extras_are_followed():
    assert not any(line.startswith("aiohttp==") for line in pin_installed(["fsspec"], PYTHON))
    assert any(line.startswith("aiohttp==") for line in pin_installed(["fsspec[http]"], PYTHON))


def test_another_version_than_asked_for_is_refused():
    with pytest.raises(ValueError, match=r"the project needs jinja2<1, and .* is installed"):
        pin_installed(["jinja2<1"], PYTHON)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch):
    """A package that is installed from a folder of sources, which is a git repository."""
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "a.py").touch()
    subprocess.run("git init -q && git add -A", shell=True, cwd=sources, check=True)
    author = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    subprocess.run(["git", *author, "commit", "-qm", "Start"], cwd=sources, check=True)
    info = tmp_path / "site/a_toolkit-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: a-toolkit\nVersion: 1.2+local\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path / "site")
    return info, sources


def came_from(info: Path, **address: object) -> None:
    (info / "direct_url.json").write_text(json.dumps(address), encoding="utf-8")


def test_the_address_is_the_version_the_commit_or_nothing(installed: tuple[Path, Path]):
    info, sources = installed
    assert address_of_installed("a-toolkit") == "a-toolkit==1.2"
    came_from(info, url="https://b.org/a.git", vcs_info={"vcs": "git", "commit_id": "1" * 40})
    assert address_of_installed("a-toolkit") == f"a-toolkit @ git+https://b.org/a.git@{'1' * 40}"
    came_from(info, url=sources.as_uri(), dir_info={"editable": True})
    assert address_of_installed("a-toolkit") is None, "no remote"
    subprocess.run(["git", "remote", "add", "origin", "https://me:secret@b.org/a.git"], cwd=sources, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=sources, capture_output=True, text=True).stdout.strip()
    assert address_of_installed("a-toolkit") == f"a-toolkit @ git+https://b.org/a.git@{head}"
    assert Requirement(address_of_installed("a-toolkit")).name == "a-toolkit"
    (sources / "a.py").write_text("# edited", encoding="utf-8")
    assert address_of_installed("a-toolkit") is None, "the sources are not those of the commit"
