"""What is wrong with a value in params.yaml, in one line: file, line, key, what was found, what was expected."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any


def describe(path: Path, document: Any, fault: Any, schema: dict[str, Any]) -> str:
    """Say of one fault where in the file it lies and what was expected.

    **Arguments:** `path`: the file, for the message; `document`: its content as ruamel.yaml's round-trip mapping;
    `fault`: an item of pydantic's `ValidationError.errors()`; `schema`: the JSON schema of the whole document.
    """
    keys, line, node = [], 1, document
    for part in fault["loc"]:
        if isinstance(node, dict) and part in node:
            line = node.lc.key(part)[0] + 1 if part in (node.lc.data or ()) else line  # or an anchor has it
            node = node[part]
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            line = node.lc.item(part)[0] + 1
            node = node[part]
        elif fault["type"] != "missing" or part != fault["loc"][-1]:
            continue  # the tag that pydantic adds for a member of a union
        keys.append(str(part))
    key = ".".join(keys) or "(top level)"
    if fault["type"] == "extra_forbidden":
        known = _known_names(fault["loc"][:-1], schema)
        return f"{path}, line {line}: unknown key {key}{near(keys[-1], known)}"
    if fault["type"] == "missing":
        return f"{path}, line {line}: {key} is missing"
    message = fault["msg"].removeprefix("Value error, ")
    found = "" if isinstance(node, dict) else f"; found {node!r}"
    return f"{path}, line {line}: {key}: {message}{found}"


def _known_names(location: tuple[Any, ...], schema: dict[str, Any]) -> list[str]:
    """Names that the schema knows where a key stands: the properties of every section on that path."""
    nodes = [schema]
    for part in location:
        following = []
        for node in _expand(schema, nodes):
            if part in node.get("properties", {}):
                following.append(node["properties"][part])
            elif isinstance(node.get("additionalProperties"), dict):
                following.append(node["additionalProperties"])
            elif part in node.get("patternProperties", {}):
                following.append(node["patternProperties"][part])
        nodes = following or [
            node
            for node in _expand(schema, nodes)
            if part in {node.get("properties", {}).get(tag, {}).get("const") for tag in ("kind", "family")}
        ]
    return [name for node in _expand(schema, nodes) for name in node.get("properties", {})]


def _expand(schema: dict[str, Any], nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Follow $ref, anyOf and oneOf of a JSON schema to the objects they stand for."""
    result = []
    for node in nodes:
        if "$ref" in node:
            result += _expand(schema, [schema["$defs"][node["$ref"].rsplit("/", 1)[1]]])
            continue
        result.append(node)
        for choice in ("anyOf", "oneOf"):
            result += _expand(schema, node.get(choice, []))
        result += _expand(schema, list(node.get("patternProperties", {}).values()))
    return result


def near(name: str, known: Any) -> str:
    """Return `; did you mean X?` for the nearest known name, or the list of what is known."""
    known = sorted(set(known))
    match = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    return f"; did you mean {match[0]!r}?" if match else f"; known here: {', '.join(known)}"
