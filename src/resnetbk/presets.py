"""Presets: named overlays of params.yaml, `presets/<name>.yaml`, each of which may extend another."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from ruamel.yaml import YAML, CommentedMap, YAMLError

from resnetbk.errors import UserError
from resnetbk.params import PARAMS_FILE, Params, ParamsError, json_schema
from resnetbk.params.edit import edit, flow, merge, merges
from resnetbk.params.faults import describe, near
from resnetbk.repro.files import write_bytes

DIRECTORY = Path("presets")
KEYS = {"about": "the question it answers", "extends": "a preset or null", "params": "what it changes"}


class Preset(NamedTuple):
    """One file of presets; `written` is `params` as ruamel read them, with line numbers."""

    path: Path
    question: str
    extends: str | None
    params: dict[str, Any]
    written: CommentedMap


def list_presets(directory: Path = DIRECTORY) -> str:
    """Return a line for each preset: its name and the question it answers."""
    names = _names(directory)
    width = max(map(len, names))
    return "\n".join(f"{name:{width}}  {_read(name, directory).question}" for name in names)


def show(name: str, directory: Path = DIRECTORY) -> str:
    """Return a preset's question, what it extends, and all that it changes, its parents' changes included.

    **Raises:** `UserError` for an unknown preset or one that extends itself.
    """
    chain = load(name, directory)
    lines = [f"# {chain[-1].path}: {chain[-1].question}"]
    lines += [f"# extends {', which extends '.join(p.path.stem for p in chain[-2::-1])}"] if chain[1:] else []
    return "\n".join([*lines, *_block(overlaid({}, chain))])


def use(name: str, params_file: Path = PARAMS_FILE, directory: Path = DIRECTORY) -> str:
    """Write a preset into params.yaml, keeping comments and all it does not name; return what changed.

    **Raises:** `UserError` for an unknown preset, one that extends itself, a key that the schema does not know
    or a value it refuses; params.yaml is then as it was.
    """
    chain = load(name, directory)
    try:
        text = params_file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{params_file}: not found; run from the repository's root") from None
    before, written = _mapping(text, params_file)
    after = overlaid(before, chain)
    _check(after, [(params_file, written), *((preset.path, preset.written) for preset in chain)])
    changes = list(_changes(before, after))
    if not changes:
        return f"{params_file}: already as the preset {name} has it"
    write_bytes(params_file, edit(text, after).encode())
    return "\n".join([f"{params_file}: preset {name}", *changes])


def load(name: str, directory: Path = DIRECTORY) -> list[Preset]:
    """Read a preset and those it extends, the most general first.

    **Raises:** `UserError` when a file is missing, is no preset, or extends itself.
    """
    chain: list[Preset] = []
    following: str | None = name
    while following is not None:
        names = [preset.path.stem for preset in chain]
        if following in names:
            raise UserError(
                f"{chain[-1].path}: extends goes round in a circle, {' -> '.join([*names, following])}; set "
                "extends to null in one of them"
            )
        chain.append(_read(following, directory))
        following = chain[-1].extends
    return chain[::-1]


def overlaid(params: dict[str, Any], chain: list[Preset]) -> dict[str, Any]:
    """Return parameters with the presets of a chain laid over them, one by one."""
    for preset in chain:
        params = merge(params, preset.params)
    return params


def _names(directory: Path) -> list[str]:
    names = sorted(path.stem for path in directory.glob("*.yaml"))
    if not names:
        raise UserError(f"{directory}: no presets there; run from the repository's root")
    return names


def _read(name: str, directory: Path) -> Preset:
    path = directory / f"{name}.yaml"
    names = _names(directory)
    if name not in names:
        raise UserError(f"{path}: no such preset{near(name, names)}")
    document, written = _mapping(path.read_text(encoding="utf-8"), path)
    for key in document:
        if key not in KEYS:
            raise UserError(f"{path}, line {written.lc.key(key)[0] + 1}: unknown key {key}{near(key, KEYS)}")
    for key, meaning in KEYS.items():
        if key not in document:
            raise UserError(f"{path}: {key} ({meaning}) is missing")
    about, extends, params = (document[key] for key in KEYS)
    if not isinstance(about, dict) or list(about) != ["question"] or not isinstance(about["question"], str):
        raise UserError(f"{path}: about: expected {{question: one sentence}}; found {about!r}")
    if not isinstance(extends, str | None):
        raise UserError(f"{path}: extends: expected the name of a preset or null; found {extends!r}")
    if not isinstance(params, dict):
        raise UserError(f"{path}: params: expected sections of params.yaml; found {params!r}")
    return Preset(path, about["question"], extends, params, written["params"])


def _mapping(text: str, path: Path) -> tuple[dict[str, Any], CommentedMap]:
    """Return the mapping in a YAML text as plain values and as ruamel's, which knows the lines."""
    try:
        values, written = (YAML(typ=kind, pure=True).load(text) for kind in ("safe", "rt"))
    except YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected a mapping; found {values!r}")
    return values, written


def _check(document: Any, sources: list[tuple[Path, Any]]) -> None:
    """Raise a `ParamsError` that names the faults of merged parameters where they are written."""
    try:
        Params.model_validate(document)
    except ValidationError as error:
        faults = []
        for fault in error.errors():
            path, written = max(reversed(sources), key=partial(_depth, fault["loc"]))
            faults.append(describe(path, written, fault, json_schema()))
        raise ParamsError("\n".join(dict.fromkeys(faults))) from None


def _depth(location: tuple[Any, ...], source: tuple[Path, Any]) -> int:
    """Return how many keys of a fault's location are written in a document."""
    depth, node = 0, source[1]
    for part in location:
        if isinstance(node, dict) and part in node:
            node, depth = node[part], depth + 1
    return depth


def _changes(before: Any, after: Any, prefix: str = "") -> Iterator[str]:
    """Yield a line for each value that differs."""
    for key, value in after.items():
        old = before.get(key)
        if value == old and key in before:
            continue
        if merges(old, value):
            yield from _changes(old, value, f"{prefix}{key}.")
        else:
            yield f"  {prefix}{key}: {flow(old)} -> {flow(value)}"


def _block(value: dict[str, Any], indent: str = "") -> Iterator[str]:
    """Yield a mapping as YAML, the innermost mappings on one line."""
    for key, item in value.items():
        if isinstance(item, dict) and any(isinstance(inner, dict) for inner in item.values()):
            yield f"{indent}{key}:"
            yield from _block(item, indent + "  ")
        else:
            yield f"{indent}{key}: {flow(item)}"
