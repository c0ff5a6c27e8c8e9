"""Change values in the text of a YAML file and leave every other byte, comments too, as it was.

ruamel's round trip would do for single values. But the comments after a mapping that is replaced go with it there,
and a value that two keys share by an anchor changes in both.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node
from ruamel.yaml.representer import RoundTripRepresenter, SafeRepresenter
from ruamel.yaml.scalarfloat import ScalarFloat

from resnetbk.errors import UserError

TAGS = ("kind", "family")  # keys that say which alternative of the schema a mapping is

Edit = tuple[int, int, str]  # start and end of what goes, as indices of the text, and what comes instead


def merge(base: Any, overlay: Any) -> Any:
    """Lay one YAML value over another: mappings key by key, all else by replacement.

    A mapping that changes its kind or family replaces the old one, whose keys mean nothing to it.
    """
    if not merges(base, overlay):
        return overlay
    return {**base, **{key: merge(base.get(key), value) for key, value in overlay.items()}}


def merges(base: Any, overlay: Any) -> bool:
    """Return whether both are mappings and the upper one leaves the lower one's kind as it is."""
    if not isinstance(base, dict) or not isinstance(overlay, dict):
        return False
    return all(tag not in overlay or overlay[tag] == base.get(tag) for tag in TAGS)


def edit(text: str, target: dict[str, Any]) -> str:
    """Return the text with its values changed to the target's; what is equal stays as it is written.

    An entry of a block mapping that the target lacks goes, with the comment on its line.

    **Arguments:** `text`: YAML whose top level is a block mapping. `target`: plain values.
    **Raises:** `UserError` when a change cannot be made in place, as where two keys share a value.
    """
    yaml = YAML(typ="safe", pure=True)
    changed = text
    for start, end, new in sorted(_edits(text, yaml.compose(text), yaml.load(text), target), reverse=True):
        changed = changed[:start] + new + changed[end:]
    try:
        if yaml.load(changed) == target:
            return changed
    except YAMLError:
        pass  # not even YAML any more: the same fault
    raise UserError(
        "the values cannot be changed in place; write out what keys share (YAML anchors) and put multi-line "
        "strings on one line first"
    )


class _Representer(SafeRepresenter):
    """Writes a float that ruamel read for a round trip as it was written: 6.0e-4, and not 0.0006."""


_Representer.add_representer(ScalarFloat, RoundTripRepresenter.represent_scalar_float)


def flow(value: Any) -> str:
    """Return a plain value as YAML on one line: `{kind: none}`."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style, yaml.width, yaml.sort_base_mapping_type_on_output = True, 2**20, False
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue().removesuffix("\n").removesuffix("\n...")


def _edits(text: str, node: MappingNode, values: dict[str, Any], target: dict[str, Any]) -> Iterator[Edit]:
    """Yield the edits to a block mapping that reads as `values`."""
    entries = {key.value: (key, value) for key, value in node.value}
    for name in entries.keys() - target.keys():
        key, old = entries[name]
        yield max(0, text.rfind("\n", 0, key.start_mark.index)), _line_end(text, _end(old, key)), ""
    added = ""
    for name, new in target.items():
        if name not in entries:
            added += f"\n{_indent(node)}{name}: {flow(new)}"
            continue
        if new == values[name]:
            continue
        key, old = entries[name]
        block = isinstance(old, CollectionNode) and not old.flow_style
        if block and isinstance(old, MappingNode) and isinstance(new, dict):
            if set(values[name]) <= set(new) or merges(values[name], new):
                yield from _edits(text, old, values[name], new)
            else:
                lines = (f"{name}: {flow(value)}" for name, value in new.items())
                yield old.start_mark.index, _end(old), f"\n{_indent(old)}".join(lines)
        elif block or _empty(old):
            yield key.end_mark.index, _end(old, key), f": {flow(new)}"
        else:
            yield old.start_mark.index, _end(old), flow(new)
    if added:
        line_end = _line_end(text, _end(node))
        yield line_end, line_end, added


def _line_end(text: str, index: int) -> int:
    found = text.find("\n", index)
    return found if found >= 0 else len(text)


def _indent(node: Node) -> str:
    return " " * node.start_mark.column


def _end(node: Node, key: Node | None = None) -> int:
    """Return the index after the last character of a value, which ruamel marks after the comments that follow."""
    if _empty(node) and key is not None:
        return key.end_mark.index + len(":")
    if not isinstance(node, CollectionNode) or node.flow_style:
        return node.end_mark.index
    last = node.value[-1]
    return _end(last[1], last[0]) if isinstance(node, MappingNode) else _end(last)


def _empty(node: Node) -> bool:
    """Return whether a value is null by being left out."""
    return node.start_mark.index == node.end_mark.index
