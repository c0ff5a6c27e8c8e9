"""Which code an audit vouches for, and the proof that the same code is about to be trained or evaluated."""

from __future__ import annotations

import json
from pathlib import Path

from resnetbk.errors import UserError
from resnetbk.repro.code import imported_sources

AUDITED_PACKAGES = ("resnetbk.models", "resnetbk.kernels")
SOURCE_ROOT = Path(__file__).parents[3]  # the tree that this code was imported from


def audited_sources(root: Path = SOURCE_ROOT) -> dict[str, str]:
    """Return path to SHA-256 of every file of models/ and kernels/ that this process has imported.

    **Arguments:** `root`: the root of the tree that holds src/, to which the paths are relative.
    """
    return imported_sources(root, *AUDITED_PACKAGES)


def verify_code(report: Path, root: Path = SOURCE_ROOT) -> None:
    """Check that a model's code is the code of its audit; call it once the model is built.

    **Arguments:** `report`: metrics/audit/<model>.json; `root`: of the tree that holds src/.
    **Raises:** `UserError` when there is no report, or an imported file was not audited or has changed since.
    """
    name = report.stem
    try:
        audited = json.loads(report.read_text(encoding="utf-8"))["code"]
    except FileNotFoundError:
        raise UserError(
            f"{report}: model {name!r} has not passed its audit; run `dvc repro audit@{name}`"
        ) from None
    except (json.JSONDecodeError, KeyError, TypeError):
        raise UserError(f"{report}: not an audit report; run `dvc repro -f audit@{name}`") from None
    for file, digest in audited_sources(root).items():
        if audited.get(file) != digest:
            fault = "has changed since its audit" if file in audited else "was not audited"
            raise UserError(f"{file}, which model {name!r} runs, {fault}; run `dvc repro audit@{name}`")
