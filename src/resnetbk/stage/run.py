"""What every script in stages/ shares: arguments, checked parameters, the level of determinism, clear errors."""

from __future__ import annotations

import argparse
import errno
import inspect
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import resnetbk
from resnetbk.errors import UserError
from resnetbk.params import load_params
from resnetbk.repro.levels import Level, pin_environment
from resnetbk.repro.opened_files import record_opened_files
from resnetbk.stage.declaration import Declaration
from resnetbk.stage.hermetic import require_declared
from resnetbk.stage.inputs import hash_inputs, require_unchanged
from resnetbk.stage.params import declared_params

_CURES = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EACCES: "permission denied; change its permissions",
    errno.EPERM: "not permitted; change its permissions",
    errno.EROFS: "the file system is read-only; make it writable",
}


def stage(
    main: Callable[..., Any],
    afterwards: Callable[..., None] | None = None,
    *,
    determinism: Level | None = None,
    description: str | Path = "dvc.yaml",
) -> None:
    """Run a stage's `main(params, *, model, seed)`; its keyword-only arguments become command-line options.

    **Arguments:** `main`: makes the outs, of what dvc.yaml declares and nothing else; `afterwards`: called with
    what `main` returned (unless that is None), its wall time in seconds and the options, once all is proved: it
    makes no out, so it may read anything; `determinism`: the level, None for that of params.yaml; `description`:
    the dvc.yaml that has the stage.
    """
    module = sys.modules[main.__module__]
    parser = argparse.ArgumentParser(description=module.__doc__)
    for name, parameter in list(inspect.signature(main).parameters.items())[1:]:
        parser.add_argument(f"--{name}", required=True, type=parameter.annotation)
    item = vars(parser.parse_args())
    name = Path(module.__file__).stem
    cell = "-".join(str(value) for value in item.values())
    try:
        _require_own_library()
        params = load_params()
        pin_environment(determinism or params.run.determinism)
        os.environ["RESNETBK_KERNELS"] = params.run.kernels  # read by resnetbk.kernels.selection
        os.environ["RESNETBK_PARAMS"] = params.model_dump_json()  # noted in journals
        declared = Declaration.read(name, item, description)
        before = hash_inputs(declared)
        start = time.monotonic()
        with record_opened_files() as opened:
            made = main(declared_params(params, declared), **item)
        seconds = time.monotonic() - start
        require_declared(declared, opened)
        require_unchanged(before, hash_inputs(declared))
        if afterwards and made is not None:
            afterwards(made, seconds, **item)
    except UserError as error:
        sys.exit(f"ERROR in {name}{'@' if cell else ''}{cell}: {error}")
    except OSError as error:
        if error.errno not in _CURES:
            raise
        sys.exit(f"ERROR in {name}: {error.filename or 'no file named'}: {_CURES[error.errno]}, run again")


def _require_own_library() -> None:
    """Refuse to run a copy of the repository with the library of another tree."""
    found, expected = Path(resnetbk.__file__).resolve(), Path("src/resnetbk/__init__.py").resolve()
    if found != expected:
        raise UserError(
            f"resnetbk comes from {found.parent}, and not from {expected.parent} of the tree that runs. "
            "Start a stage as `python -m stages.NAME` from the repository's root"
        )
