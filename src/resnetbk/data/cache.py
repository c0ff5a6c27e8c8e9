"""Downloads kept by their content: a file's name is its SHA-256, so what is read is what was pinned.

The cache lies in the main repository's root, also for an experiment that runs in a copy of the tree.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

from resnetbk.errors import UserError
from resnetbk.repro.files import sha256_file, write_bytes
from resnetbk.repro.repository import main_root


def cached(sha256: str, what: str, fetch: Callable[[], bytes]) -> Path:
    """Return a file that holds exactly the bytes of this hash, fetching them when the cache does not.

    **Arguments:** `sha256`: of the content; `what`: its name for messages; `fetch`: returns the bytes.
    **Returns:** the path of the verified file.
    **Raises:** `UserError` when what was fetched has another hash; nothing is kept then.
    """
    path = main_root() / ".cache" / "resnetbk" / sha256
    if path.is_file():
        if sha256_file(path) == sha256:
            return path
        print(f"the cached copy of {what} is damaged ({path}); fetching it again", file=sys.stderr)
    content = fetch()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise moved(what, expected=sha256, found=found)
    write_bytes(path, content)
    return path


def moved(what: str, *, expected: str, found: str) -> UserError:
    """Return the error that says a pinned source no longer holds what was pinned."""
    return UserError(
        f"{what} has changed: expected SHA-256 {expected}, found {found}. Nothing was written. "
        "If the new content is wanted, put its hash where the old one stands."
    )
