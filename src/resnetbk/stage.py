"""What every script in stages/ shares: arguments, checked parameters, the level of determinism, clear errors."""

from __future__ import annotations

import argparse
import errno
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path

import resnetbk
from resnetbk.errors import UserError
from resnetbk.params import load_params
from resnetbk.repro.levels import Level, pin_environment
from resnetbk.stage_inputs import declared_inputs, require_unchanged


def stage(
    main: Callable[..., None], *, determinism: Level | None = None, description: str | Path = "dvc.yaml"
) -> None:
    """Run a stage's `main(params, *, model, seed)`; its keyword-only arguments become command-line options.

    **Arguments:** `determinism`: the level, None for that of params.yaml; `description`: the dvc.yaml that has the
    stage.
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
        before = declared_inputs(name, item, description)
        main(params, **item)
        require_unchanged(before, declared_inputs(name, item, description))
    except UserError as error:
        sys.exit(f"ERROR in {name}{'@' if cell else ''}{cell}: {error}")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.exit(
            f"ERROR in {name}: the disk is full ({error.filename or 'no file named'}); free some space, run again"
        )


def _require_own_library() -> None:
    """Refuse to run a copy of the repository with the library of another tree."""
    found, expected = Path(resnetbk.__file__).resolve(), Path("src/resnetbk/__init__.py").resolve()
    if found != expected:
        raise UserError(
            f"resnetbk comes from {found.parent}, and not from {expected.parent} of the tree that runs. "
            "Start a stage as `python -m stages.NAME` from the repository's root"
        )
