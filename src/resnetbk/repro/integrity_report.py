"""What has become of a directory since its files were recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class FileRecord(NamedTuple):
    """One file: its hash (hexadecimal digits) and its size in bytes."""

    hash: str
    size: int


@dataclass(frozen=True)
class IntegrityReport:
    """What differs between a manifest and its directory; names are relative, with forward slashes.

    `missing` and `extra` files are on one side only; `changed` ones have other bytes; `renamed` maps the name in
    the manifest to the name now of a file with the same bytes. `files` counts those in the manifest.
    """

    directory: Path
    files: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    changed: tuple[str, ...]
    renamed: dict[str, str]

    @property
    def intact(self) -> bool:
        """Whether the directory is what the manifest says, to the bit."""
        return not (self.missing or self.extra or self.changed or self.renamed)

    def __str__(self) -> str:
        if self.intact:
            return f"{self.directory}: intact, files: {self.files:,}"
        lines = [f"missing: {name}" for name in self.missing]
        lines += [f"extra: {name}" for name in self.extra]
        lines += [f"changed: {name}" for name in self.changed]
        lines += [f"renamed: {old} is now {new}" for old, new in self.renamed.items()]
        printable = (line.encode("unicode_escape").decode() for line in lines)  # a name may hold a new line
        return "\n  ".join([f"{self.directory}: NOT what its manifest says", *printable])


def compare_records(
    directory: Path, expected: dict[str, FileRecord], found: dict[str, FileRecord]
) -> IntegrityReport:
    """Tell apart what is missing, extra, changed and renamed.

    **Arguments:** `directory`: what the report is of; `expected`, `found`: name to record, then and now. Several
    files of the same bytes that moved at once are paired in the order given.
    """
    missing = {name: record for name, record in expected.items() if name not in found}
    extra = {name: record for name, record in found.items() if name not in expected}
    candidates: dict[FileRecord, list[str]] = {}
    for name, record in reversed(extra.items()):
        candidates.setdefault(record, []).append(name)
    renamed = {name: candidates[record].pop() for name, record in missing.items() if candidates.get(record)}
    return IntegrityReport(
        directory=directory,
        files=len(expected),
        missing=tuple(name for name in missing if name not in renamed),
        extra=tuple(name for name in extra if name not in renamed.values()),
        changed=tuple(name for name in expected if name in found and expected[name] != found[name]),
        renamed=renamed,
    )
