"""The packages that are locked."""

from __future__ import annotations

from pathlib import Path

from resnetbk.report.origins import LOCK, Origin
from resnetbk.report.tables.table import Row, Table

# What the numbers pass through, from the tokens to the page.
_PACKAGES = (
    *("torch", "numpy", "numba", "llvmlite", "transformers", "tokenizers", "safetensors"),
    *("scipy", "statsmodels", "pandas", "matplotlib", "dvc", "mlflow"),
)


def packages_table(root: Path) -> Table:
    """The locked versions of the packages that numbers pass through.

    **Arguments:** `root`: the repository, with requirements.lock.
    """
    lines = (root / LOCK).read_text(encoding="utf-8").splitlines()
    locked = dict(line.split("==", 1) for line in lines if "==" in line)
    rows = [Row(name, [locked[name]]) for name in _PACKAGES if name in locked]
    return Table(
        f"Packages that the numbers pass through, of the {len(locked)} that are locked.",
        ["Package", "Version"],
        rows,
        origin=Origin(("lock",)),
    )
