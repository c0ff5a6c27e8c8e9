"""What `resnetbk verify PATH` finds: whether something that was recorded is still the same, to the bit."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from resnetbk.data.corpus import Corpus
from resnetbk.data.split import SPLITS
from resnetbk.errors import UserError
from resnetbk.repro.checkpoint_report import Verification
from resnetbk.repro.checkpoints import CheckpointVerifier
from resnetbk.repro.files import sha256_file
from resnetbk.repro.manifest import MANIFEST, check_integrity_manifest
from resnetbk.repro.sealed import read_sealed


@dataclass(frozen=True)
class Outcome:
    """`text` for people; `details` (JSON) for programs."""

    intact: bool
    text: str
    details: Any


def verify_path(path: Path, *, manifest: Path | None = None, registry: Path | None = None) -> Outcome:
    """Check a path against whatever recorded it.

    **Arguments:** `path`: a directory with an integrity manifest, a manifest, a registry of checkpoints, a
    checkpoint, a trained cell (models/CELL) or a packed corpus; `manifest`: the manifest of the directory, when it
    lies elsewhere; `registry`: that of the checkpoint.
    **Raises:** `UserError` when nothing recorded it, or the record cannot be believed.
    """
    try:
        if registry:
            return _checkpoints([CheckpointVerifier(registry).verify(path)])
        if manifest or (path / MANIFEST).exists():
            return _directory(path, manifest)
        if (path / "card.json").exists():
            return _corpus(path)
        if (path / "manifest.json").exists():
            return _cell(path / "manifest.json", read_sealed(path / "manifest.json"))
        if path.suffix == ".json" and path.is_file():
            return _record(path)
    except (ValueError, RuntimeError, OSError) as error:
        raise UserError(str(error)) from None
    raise UserError(
        f"{path}: nothing here says what it was. `resnetbk manifest` records a directory; a checkpoint needs "
        "--registry with the file that it was registered in"
    )


def _record(path: Path) -> Outcome:
    content = read_sealed(path)
    if "checkpoints" in content:
        return _checkpoints(CheckpointVerifier(path).verify_all())
    return _cell(path, content) if "model" in content else _directory(path.parent, path)


def _checkpoints(results: list[Verification]) -> Outcome:
    return Outcome(
        intact=all(result.intact for result in results),
        text="\n".join(map(str, results)) or "no checkpoint is registered",
        details=[asdict(result) for result in results],
    )


def _directory(path: Path, manifest: Path | None) -> Outcome:
    report = check_integrity_manifest(path, manifest)
    return Outcome(report.intact, str(report), asdict(report) | {"directory": str(report.directory)})


def _cell(path: Path, manifest: dict[str, Any]) -> Outcome:
    """Compare the files that a training made with the hashes in its manifest, which name them from the root."""
    root = path.resolve().parents[2]
    details = {
        name: "missing" if not (root / name).is_file() else _same(sha256_file(root / name), expected)
        for name, expected in manifest["files"].items()
    }
    return Outcome(
        intact=set(details.values()) == {"intact"},
        text="\n".join(f"{name}: {status}" for name, status in details.items()),
        details=details,
    )


def _same(found: str, expected: str) -> str:
    return "intact" if found == expected else "changed"


def _corpus(path: Path) -> Outcome:
    corpus, faults = Corpus.open(path), []
    for split in SPLITS:
        try:
            corpus.split(split)
        except UserError as error:
            faults.append(str(error))
    return Outcome(not faults, "\n".join(faults) or f"{path}: intact, splits: {', '.join(SPLITS)}", faults)
