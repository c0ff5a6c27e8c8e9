"""What a full disk looks like, and what to say of it."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resnetbk.errors import UserError

FULL = {errno.ENOSPC, errno.EDQUOT}


def is_full(error: Exception) -> bool:
    """Tell whether an error means that no more can be written."""
    if isinstance(error, sqlite3.Error):
        return error.sqlite_errorcode == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in FULL


@contextmanager
def full_disk_said_clearly(out: Path, resume: Path) -> Iterator[None]:
    """Turn the error of a full disk into a `UserError` that says what is kept and what to do."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        if not is_full(error):
            raise
        free = shutil.disk_usage(resume.parent).free
        raise UserError(
            f"the disk is full ({error}; {free / 2**20:,.0f} MiB free). {out} was not touched, and what is done "
            f"is kept in {resume}: free some space and run again, or delete that folder"
        ) from None
