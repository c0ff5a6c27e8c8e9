"""What a new project starts with, checked before anything is made."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement

from resnetbk.repro.levels import Level
from resnetbk.repro.seeding import require_seed

NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*")
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True)
class TemplateConfig:
    """What a new project starts with.

    `description`: one line. `python`: `"3.N"`, as a default that of this environment, from which the lock is made.
    `determinism`: `portable` or `machine`. `seed`: one that `set_global_seed` takes. `packages`: requirements
    besides those of the skeleton, installed here. `toolkit`: a requirement by which others install resnetbk; None
    for where the installed one came from.

    **Raises:** `ValueError` naming the field.
    """

    description: str = "A reproducible experiment."
    python: str = THIS_PYTHON
    determinism: Level = "portable"
    seed: int = 0
    packages: tuple[str, ...] = ()
    toolkit: str | None = None

    def __post_init__(self) -> None:
        if not (self.description.strip() and self.description.isprintable()) or set(self.description) & {
            '"',
            "\\",
        }:
            raise ValueError(
                f"description: expected one line without double quotes and backslashes; found {self.description!r}"
            )
        if not re.fullmatch(r"3\.\d+", self.python) or int(self.python[2:]) < 11:
            raise ValueError(f"python: expected 3.11 or newer, such as '3.11'; found {self.python!r}")
        if self.determinism not in ("portable", "machine"):
            raise ValueError(f"determinism: expected portable or machine; found {self.determinism!r}")
        try:
            require_seed(self.seed)
        except (TypeError, ValueError) as error:
            raise ValueError(f"seed: {error}") from None
        for text in self.packages:
            _name_required("packages", text)
        if self.toolkit and _name_required("toolkit", self.toolkit) != "resnetbk":
            raise ValueError(f"toolkit: expected a requirement of resnetbk; found {self.toolkit!r}")


def package_of(name: str) -> str:
    """Return the name of a project's package: small letters, `_` for `-`.

    **Raises:** `ValueError` when it cannot be one, or hides a package that exists.
    """
    package = name.lower().replace("-", "_")
    if not NAME.fullmatch(name) or keyword.iskeyword(package):
        raise ValueError(
            f"name: {name!r} cannot name a project and its package; expected letters and digits, starting with a "
            "letter, with single - or _ between them"
        )
    found = importlib.util.find_spec(package)
    if package in ("stages", "tests") or (found and found.origin):  # a bare folder of that name has no origin
        raise ValueError(
            f"name: {name!r}: there is a package {package} already, which the project's would hide; choose another"
        )
    return package


def _name_required(field: str, text: str) -> str:
    try:
        return Requirement(text).name
    except InvalidRequirement as error:
        raise ValueError(f"{field}: {text!r} is no requirement such as 'pandas>=2': {error}") from None
