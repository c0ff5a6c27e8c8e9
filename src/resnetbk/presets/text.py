"""What `resnetbk preset list | show | diff | use` print and write."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from resnetbk.params import PARAMS_FILE
from resnetbk.params.edit import edit, flow
from resnetbk.presets.files import DIRECTORY, Preset, load, preset_names, read_mapping
from resnetbk.presets.overlay import changes, overlaid, validated
from resnetbk.repro.files import write_bytes


def list_presets(directory: Path = DIRECTORY) -> str:
    """Return a line for each preset: its name, core hours, GiB and the question it answers."""
    presets = [load(name, directory)[-1] for name in preset_names(directory)]
    rows = [("preset", "core hours", "GiB", "question")]
    rows += [
        (preset.name, f"{preset.about.core_hours:g}", f"{preset.about.memory_gib:g}", preset.about.question)
        for preset in presets
    ]
    name, hours, memory, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(f"{row[0]:{name}}  {row[1]:>{hours}}  {row[2]:>{memory}}  {row[3]}" for row in rows)


def show(name: str, directory: Path = DIRECTORY) -> str:
    """Return what a preset states, what it extends, and all that it changes, its parents' changes included.

    **Raises:** `UserError` for an unknown preset or one that extends itself.
    """
    chain = load(name, directory)
    preset = chain[-1]
    about = preset.about
    lines = [
        f"# {preset.path}: {about.question}",
        f"# time: about {about.core_hours:g} core hours of training (estimated); cells run side by side",
        f"# memory: about {about.memory_gib:g} GiB of tensors in the largest training step (estimated)",
        f"# hardware: {about.hardware}",
    ]
    lines += [f"# extends {', which extends '.join(parent.name for parent in chain[-2::-1])}"] if chain[1:] else []
    lines += [f"# {line}" for line in _to_run(preset)]
    return "\n".join([*lines, *_block(overlaid({}, chain))])


def diff(name: str, other: str | None = None, params_file: Path = PARAMS_FILE, directory: Path = DIRECTORY) -> str:
    """Return what a preset would change in params.yaml, or what another one sets otherwise than it.

    **Raises:** `UserError` for an unknown preset, one that extends itself, or params.yaml that is none.
    """
    default, _ = read_mapping(params_file)
    sides = [(each, overlaid(default, load(each, directory))) for each in (name, other) if each is not None]
    (label, before), (against, after) = [(str(params_file), default), *sides][-2:]
    found = list(changes(before, after))
    return "\n".join([f"{label} -> {against}", *found]) if found else f"{label} and {against} are the same"


def use(name: str, params_file: Path = PARAMS_FILE, directory: Path = DIRECTORY) -> str:
    """Write a preset into params.yaml, keeping comments and all it does not name; return what changed.

    **Raises:** `UserError` for an unknown preset, one that extends itself, a key that the schema does not know
    or a value it refuses; params.yaml is then as it was.
    """
    chain = load(name, directory)
    before, written = read_mapping(params_file)
    after = overlaid(before, chain)
    validated(after, chain, [(params_file, written)])
    changed = list(changes(before, after))
    if not changed:
        return "\n".join([f"{params_file}: already as the preset {name} has it", *_to_run(chain[-1])])
    write_bytes(params_file, edit(params_file.read_text(encoding="utf-8"), after).encode())
    return "\n".join([f"{params_file}: preset {name}", *changed, *_to_run(chain[-1])])


def _to_run(preset: Preset) -> Iterator[str]:
    """Yield how to run the experiments of a preset that is more than one."""
    if preset.sweep:
        asked = (f"-S {shlex.quote(f'{key}={_values(values)}')}" for key, values in preset.sweep.items())
        yield f"to run its experiments: dvc exp run --queue {' '.join(asked)} && dvc queue start"


def _values(values: list[Any]) -> str:
    return ",".join(flow(value) for value in values)


def _block(value: dict[str, Any], indent: str = "") -> Iterator[str]:
    """Yield a mapping as YAML, the innermost mappings on one line."""
    for key, item in value.items():
        if isinstance(item, dict) and any(isinstance(inner, dict) for inner in item.values()):
            yield f"{indent}{key}:"
            yield from _block(item, indent + "  ")
        else:
            yield f"{indent}{key}: {flow(item)}"
