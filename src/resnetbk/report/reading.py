"""Files read and checked: an error names the file, the key and the stage that makes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from resnetbk.errors import UserError
from resnetbk.report.shapes.cells import TrainingRow, ValidationRow
from resnetbk.report.shapes.shape import Shape

S = TypeVar("S", bound=Shape)


def read_file(path: Path, shape: type[S], stage: str) -> S:
    """Return the content of a JSON file that `stage` makes.

    **Raises:** `UserError` for a file that is missing or has another shape.
    """
    return parse_file(_text(path, stage), str(path), shape, _repro(stage))


def parse_file(content: str, where: str, shape: type[S], command: str) -> S:
    """Return what a JSON text holds that `command` makes.

    **Raises:** `UserError`, with `where` in its message, for a text of another shape.
    """
    return _check(_parse(content, where, command), shape, where, command)


def read_history(path: Path) -> list[TrainingRow | ValidationRow]:
    """Return the rows of a training; both kinds of row must be there.

    **Raises:** `UserError` for a file that is missing, broken or without one of the two.
    """
    rows: list[TrainingRow | ValidationRow] = []
    for number, line in enumerate(_text(path, "train").splitlines(), start=1):
        where = f"{path}, line {number}"
        row = _parse(line, where, _repro("train"))
        is_validation = isinstance(row, dict) and "validation_loss" in row
        rows.append(_check(row, ValidationRow if is_validation else TrainingRow, where, _repro("train")))
    for shape, key in ((TrainingRow, "loss"), (ValidationRow, "validation_loss")):
        if not any(isinstance(row, shape) for row in rows):
            raise UserError(f"{path}: no row has the key {key!r}; make it anew: {_repro('train')}")
    return rows


def _text(path: Path, stage: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: not found; the stage {stage!r} makes it: dvc repro plot") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 ({error}); make it anew: {_repro(stage)}") from None


def _repro(stage: str) -> str:
    return f"dvc repro -f {stage}"


def _parse(content: str, where: str, command: str) -> Any:
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise UserError(f"{where}: not valid JSON: {error}; make it anew: {command}") from None


def _check(document: Any, shape: type[S], where: str, command: str) -> S:
    try:
        return shape.model_validate(document)
    except ValidationError as error:
        faults = (
            f"{where}: {'.'.join(map(str, fault['loc'])) or '(top level)'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise UserError("\n".join([*faults, f"make it anew: {command}"])) from None
