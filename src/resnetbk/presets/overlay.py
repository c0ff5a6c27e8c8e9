"""Lay presets over parameters, say what that changes, and tell which preset parameters are."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import CommentedMap

from resnetbk.params import PARAMS_FILE, Params, ParamsError, json_schema
from resnetbk.params.edit import flow, merge, merges
from resnetbk.params.faults import describe
from resnetbk.presets.files import DIRECTORY, Preset, load, preset_names, read_mapping

NAMED = ("models", "tasks", "compare.hypotheses")  # mappings by free names, which hold no nulls: null removes one


def overlaid(params: dict[str, Any], chain: list[Preset]) -> dict[str, Any]:
    """Return parameters with the presets of a chain laid over them, one by one.

    A null for a model, a task or a hypothesis removes it.
    """
    for preset in chain:
        params = merge(params, preset.params)
    for place in NAMED:
        params = _without_nulls(params, place.split("."))
    return params


def points(chain: list[Preset], params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the parameters of each experiment of a preset: one, or as many as its sweep has combinations.

    **Arguments:** `chain`: of `load`; `params`: plain values with the chain laid over them.
    """
    for values in _combinations(chain[-1]):
        point = params
        for key, value in values.items():
            point = merge(point, _nested(key, value))
        yield point


def validated(params: dict[str, Any], chain: list[Preset], below: list[tuple[Path, Any]]) -> list[Params]:
    """Check the parameters of each experiment of a preset.

    **Arguments:** `params`: plain values with the chain laid over them; `below`: what it was laid over, as paths
    and ruamel's documents.
    **Raises:** `ParamsError` that names each fault where it is written.
    """
    sources = [*below, *((preset.path, preset.written["params"]) for preset in chain)]
    checked = []
    for point, values in zip(points(chain, params), _combinations(chain[-1]), strict=True):
        try:
            checked.append(Params.model_validate(point))
        except ValidationError as error:
            sources += [(chain[-1].path, _located(chain[-1], values))] if values else []
            faults = []
            for fault in error.errors():
                path, written = max(reversed(sources), key=partial(_depth, fault["loc"]))
                faults.append(describe(path, written, fault, json_schema()))
            raise ParamsError("\n".join(dict.fromkeys(faults))) from None
    return checked


def experiments(name: str, root: Path = Path()) -> list[Params]:
    """Return the parameters of each experiment of a preset, checked against the schema.

    **Raises:** `UserError` for an unknown preset or key, or a value that the schema refuses.
    """
    chain = load(name, root / DIRECTORY)
    before, written = read_mapping(root / PARAMS_FILE)
    return validated(overlaid(before, chain), chain, [(root / PARAMS_FILE, written)])


def matching(params: Params, directory: Path = DIRECTORY) -> str | None:
    """Return the name of the preset that parameters are, if they are one.

    They are a preset when laying it over them changes nothing, or nothing but a value that its sweep goes through;
    what no preset speaks of does not count. Of presets that change nothing it is the one that the others extend.

    **Arguments:** `params`: such as `load_params()`; `directory`: of the presets.
    **Returns:** None also where there are no presets.
    **Raises:** `UserError` when a file of presets is none, or extends itself.
    """
    present = params.model_dump()
    chains = [load(name, directory) for name in preset_names(directory)] if directory.is_dir() else []
    for chain in sorted(chains, key=lambda chain: (len(chain), chain[-1].name)):
        for point in points(chain, overlaid(present, chain)):
            try:
                if Params.model_validate(point) == params:
                    return chain[-1].name
            except ValidationError:
                continue  # laid over these parameters it is none that runs, so they are not its own
    return None


def changes(before: Any, after: Any, prefix: str = "") -> Iterator[str]:
    """Yield a line for each value that differs: `key: old -> new`."""
    for key in dict.fromkeys([*after, *before]):
        name = f"{prefix}{key}"
        if key not in after:
            yield f"  {name}: removed"
        elif key not in before:
            yield f"  {name}: new, {flow(after[key])}"
        elif before[key] == after[key]:
            continue
        elif merges(before[key], after[key]):
            yield from changes(before[key], after[key], f"{name}.")
        else:
            yield f"  {name}: {flow(before[key])} -> {flow(after[key])}"


def _combinations(preset: Preset) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*preset.sweep.values()):
        yield dict(zip(preset.sweep, values, strict=True))


def _nested(key: str, value: Any) -> dict[str, Any]:
    """Return `{a: {b: value}}` for the key `a.b`."""
    for part in reversed(key.split(".")):
        value = {part: value}
    return value


def _located(preset: Preset, values: dict[str, Any]) -> CommentedMap:
    """Return the values of a sweep as parameters, each key on the line where the sweep has it."""
    document = CommentedMap()
    for name, value in values.items():
        node, (*sections, last), place = document, name.split("."), preset.written["sweep"].lc.data[name]
        for key in sections:
            node.lc.add_kv_line_col(key, place)
            node = node.setdefault(key, CommentedMap())
        node.lc.add_kv_line_col(last, place)
        node[last] = value
    return document


def _depth(location: tuple[Any, ...], source: tuple[Path, Any]) -> int:
    """Return how many keys of a fault's location are written in a document."""
    depth, node = 0, source[1]
    for part in location:
        if isinstance(node, dict) and part in node:
            node, depth = node[part], depth + 1
    return depth


def _without_nulls(values: dict[str, Any], place: list[str]) -> dict[str, Any]:
    """Return values without the nulls of the mapping at a place, if one is there."""
    if not place:
        return {key: value for key, value in values.items() if value is not None}
    inner = values.get(place[0])
    return {**values, place[0]: _without_nulls(inner, place[1:])} if isinstance(inner, dict) else values
