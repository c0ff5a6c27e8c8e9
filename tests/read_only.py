"""A folder in which nothing can be written, though the tests be run by root."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def read_only_folder() -> Iterator[Path]:
    """Give a folder with one file, weights.bin, in which this process cannot write: root is nobody meanwhile."""
    folder = Path(tempfile.mkdtemp())  # not pytest's tmp_path, into which nobody but its owner can look
    (folder / "weights.bin").write_bytes(b"weights")
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)
