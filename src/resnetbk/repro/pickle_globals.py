"""What a pickle names: the functions and classes it would call, read as text and never imported."""

from __future__ import annotations

import io
import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path


def named_globals(path: Path) -> list[str]:
    """List the functions and classes that a pickle would have Python import, without running it.

    **Arguments:** `path`: a pickle, or a file of `torch.save` old or new.
    **Returns:** `module.name` of each, in order; of a damaged file, those that come before the damage.
    """
    found: dict[str, None] = {}
    try:
        for name in _globals_of_zip(path) if zipfile.is_zipfile(path) else _globals_of_stream(path.read_bytes()):
            found[name] = None
    except Exception:  # damaged, or the raw bytes after an old file's last pickle: what was found so far counts
        return list(found)
    return list(found)


def _globals_of_zip(path: Path) -> Iterator[str]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            if member.endswith(".pkl"):
                yield from _globals_of_stream(archive.read(member))


def _globals_of_stream(content: bytes) -> Iterator[str]:
    """Yield what several pickles after one another name; the stack is followed as far as texts go."""
    file = io.BytesIO(content)
    while file.tell() < len(content):
        texts: list[str] = []
        memo: dict[int, str] = {}
        for opcode, argument, _ in pickletools.genops(file):
            if opcode.name in ("GLOBAL", "INST"):
                yield argument.replace(" ", ".")
            elif opcode.name == "STACK_GLOBAL":
                yield ".".join(texts[-2:])
            elif opcode.name == "MEMOIZE":
                memo[len(memo)] = texts[-1] if texts else ""
            elif opcode.name.endswith("PUT"):
                memo[argument] = texts[-1] if texts else ""
            elif opcode.name.endswith("GET"):
                texts.append(memo.get(argument, ""))
            elif isinstance(argument, str):
                texts.append(argument)
