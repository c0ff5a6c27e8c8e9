"""Cells trained by different code: two versions of one program are no comparison of two models."""

from __future__ import annotations

from resnetbk.comparison.cells import Cell, Cells
from resnetbk.comparison.consistency import minority
from resnetbk.errors import UserError


def require_one_code(cells: Cells) -> None:
    """Refuse cells that were trained by different versions of the code that they share.

    The seeds of one model ran the same files. Two models run different files of models/ and kernels/, but
    of every file that both ran they ran the same version. Versions in the minority are taken for the stale
    ones.

    **Raises:** `UserError` naming a file, the cells that ran another version of it, and the command that
    trains them anew.
    """
    everything = [cell for group in cells.by_model.values() for cell in group]
    for file in sorted({file for cell in everything for file in cell.manifest.code}):
        _require_one_version(file, [cell for cell in everything if file in cell.manifest.code])
    for group in cells.by_model.values():
        for file in sorted({file for cell in group for file in cell.manifest.code}):
            _require_one_version(file, group)


def _require_one_version(file: str, cells: list[Cell]) -> None:
    if stale := minority(cells, lambda cell: cell.manifest.code.get(file)):
        raise UserError(
            f"models: {', '.join(stale)}: trained with another version of {file} than the other cells; different "
            f"code makes different experiments. Run: dvc repro {' '.join(f'train@{name}' for name in stale)}"
        )
