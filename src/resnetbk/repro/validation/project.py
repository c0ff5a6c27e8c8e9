"""A project's files, each read once. What is missing or broken is one check's finding; the others cannot judge."""

from __future__ import annotations

import re
import subprocess
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from resnetbk.repro.validation.dvc_stages import Stage, read_stages
from resnetbk.repro.validation.not_checkable import NotCheckable
from resnetbk.repro.validation.source import Code, read_code


class _Loader(yaml.SafeLoader):
    """PyYAML's, which knows YAML 1.1 alone, and the numbers of 1.2 that DVC writes, such as 1e-06."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)[eE][-+]?\d+$"), list("-+.0123456789")
)


class Project:
    """The folder of a project. Nothing in it is run, imported or written."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def text(self, name: str) -> str:
        """Return a file's text. **Raises:** `NotCheckable` when there is no such file or it is not UTF-8."""
        try:
            return (self.root / name).read_text(encoding="utf-8")
        except OSError:
            raise NotCheckable(f"{name} is missing") from None
        except UnicodeDecodeError:
            raise NotCheckable(f"{name} is not UTF-8") from None

    def mapping(self, name: str) -> dict[str, Any]:
        """Return a YAML file's mapping. **Raises:** `NotCheckable` when it is missing or holds anything else."""
        try:
            content = yaml.load(self.text(name), _Loader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = f"{name}:{mark.line + 1}" if mark else name
            raise NotCheckable(f"{place}: not YAML: {getattr(error, 'problem', error)}") from None
        if not isinstance(content, dict):
            raise NotCheckable(f"{name}: expected a mapping of names, found {type(content).__name__}")
        return content

    @cached_property
    def params(self) -> dict[str, Any]:
        return self.mapping("params.yaml")

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """Every stage of every dvc.yaml. **Raises:** `NotCheckable` when there is none or DVC cannot read it."""
        self.mapping("dvc.yaml")
        return read_stages(self.root)

    @cached_property
    def pyproject(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.text("pyproject.toml"))
        except tomllib.TOMLDecodeError as error:
            raise NotCheckable(f"pyproject.toml: not TOML: {error}") from None

    @cached_property
    def code(self) -> Code:
        """The Python files of stages/ and src/. **Raises:** `NotCheckable` when there is none or one is broken."""
        code = read_code(self.root, "stages", "src")
        if code.broken:
            raise NotCheckable(code.broken[0])
        if not code.sources:
            raise NotCheckable("there is no Python file in stages/ and src/")
        return code

    @cached_property
    def tests(self) -> Code:
        """The Python files of tests/. **Raises:** `NotCheckable` when there is no such folder or one is broken."""
        if not (self.root / "tests").is_dir():
            raise NotCheckable("tests/ is missing")
        code = read_code(self.root, "tests")
        if code.broken:
            raise NotCheckable(code.broken[0])
        return code

    def git(self, *arguments: str, stdin: str = "") -> str:
        """Return what git prints. **Raises:** `NotCheckable` when git is missing or the folder is no work tree."""
        try:
            run = subprocess.run(
                ["git", "-c", "core.quotePath=false", *arguments],
                cwd=self.root,
                input=stdin,
                capture_output=True,
                text=True,
            )
        except FileNotFoundError:
            raise NotCheckable("git is not installed") from None
        if run.returncode not in (0, 1):  # 1 is an empty answer of check-ignore
            raise NotCheckable(f"git {arguments[0]}: {run.stderr.strip().splitlines()[0]}")
        return run.stdout
