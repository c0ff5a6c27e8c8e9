"""The files `presets/<name>.yaml`: what each states, what it extends and what it changes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field, ValidationError
from ruamel.yaml import YAML, CommentedMap, YAMLError
from ruamel.yaml.scalarbool import ScalarBoolean
from ruamel.yaml.scalarint import ScalarInt
from ruamel.yaml.scalarstring import ScalarString

from resnetbk.errors import UserError
from resnetbk.params import ParamsError
from resnetbk.params.faults import describe, near
from resnetbk.params.section import Section

DIRECTORY = Path("presets")


class About(Section):
    """The question a preset answers, and what it takes, which `resnetbk preset check` holds against an estimate.

    `core_hours` are those of one core; cells run side by side, so two cores need about half as long.
    `memory_gib` holds the tensors of the largest training step; Python and its libraries come on top.
    """

    question: Annotated[str, Field(min_length=1)]
    core_hours: Annotated[float, Field(gt=0)]
    memory_gib: Annotated[float, Field(gt=0)]
    hardware: Annotated[str, Field(min_length=1)]


class _File(Section):
    """`sweep`: parameters, named with dots, of which each combination of values is an experiment of its own."""

    about: About
    extends: str | None
    params: dict[str, Any]
    sweep: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(default_factory=dict)


class Preset(NamedTuple):
    """One file; `written` is all of it as ruamel read it, with line numbers.

    Floats in `params` and `sweep` remember how they are spelled.
    """

    path: Path
    about: About
    extends: str | None
    params: dict[str, Any]
    sweep: dict[str, list[Any]]
    written: CommentedMap

    @property
    def name(self) -> str:
        return self.path.stem


def preset_names(directory: Path = DIRECTORY) -> list[str]:
    """Return the names of all presets.

    **Raises:** `UserError` when there are none.
    """
    names = sorted(path.stem for path in directory.glob("*.yaml"))
    if not names:
        raise UserError(f"{directory}: no presets there; run from the repository's root")
    return names


def load(name: str, directory: Path = DIRECTORY) -> list[Preset]:
    """Read a preset and those it extends, the most general first.

    **Raises:** `UserError` when a file is missing, is no preset, or extends itself.
    """
    chain: list[Preset] = []
    following: str | None = name
    while following is not None:
        names = [preset.name for preset in chain]
        if following in names:
            raise UserError(
                f"{chain[-1].path}: extends goes round in a circle, {' -> '.join([*names, following])}; set "
                "extends to null in one of them"
            )
        chain.append(_read(following, directory))
        following = chain[-1].extends
    return chain[::-1]


def read_mapping(path: Path) -> tuple[dict[str, Any], CommentedMap]:
    """Return the mapping in a YAML file as plain values, to be read only, and as ruamel's, which knows the lines.

    **Raises:** `UserError` when there is no file, or no mapping in it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run from the repository's root") from None
    try:
        written = _parsed(text)
    except YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(written, dict):
        raise UserError(f"{path}: expected a mapping; found {written!r}")
    return _plain(written), written


@cache  # a preset is read once for each that extends it
def _parsed(text: str) -> Any:
    return YAML(typ="rt").load(text)


def _plain(written: Any) -> Any:
    """Return what ruamel read as plain values, but for floats, which it can write again as they were spelled."""
    if isinstance(written, dict):
        own = written.lc.data or {}  # the rest is an anchor's, by `<<`, and comes first
        return {key: _plain(written[key]) for key in sorted(written, key=own.__contains__)}
    if isinstance(written, list):
        return [_plain(value) for value in written]
    if isinstance(written, ScalarBoolean):
        return bool(written)
    if isinstance(written, ScalarInt):
        return int(written)
    return str(written) if isinstance(written, ScalarString) else written


def _read(name: str, directory: Path) -> Preset:
    path = directory / f"{name}.yaml"
    names = preset_names(directory)
    if name not in names:
        raise UserError(f"{path}: no such preset{near(name, names)}")
    values, written = read_mapping(path)
    try:
        file = _File.model_validate(values)
    except ValidationError as error:
        schema = _File.model_json_schema()
        faults = [describe(path, written, fault, schema) for fault in error.errors()]
        raise ParamsError("\n".join(dict.fromkeys(faults))) from None
    return Preset(path, file.about, file.extends, file.params, file.sweep, written)
