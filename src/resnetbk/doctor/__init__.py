"""Finds what is wrong with a machine and says how to mend it, without changing anything.

An examination is a function of the repository's root that yields findings; it imports what it examines when it
runs, so that a package that is missing or broken is a finding and not the end of the doctor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from resnetbk.doctor.dvc import examine_dvc
from resnetbk.doctor.finding import Finding
from resnetbk.doctor.git import examine_git
from resnetbk.doctor.mlflow import examine_mlflow
from resnetbk.doctor.packages import examine_packages
from resnetbk.doctor.parameters import examine_parameters
from resnetbk.doctor.processor import examine_processor
from resnetbk.doctor.python import examine_python
from resnetbk.doctor.resources import examine_resources
from resnetbk.doctor.storage import examine_storage
from resnetbk.doctor.torch_build import examine_torch

__all__ = ["EXAMINATIONS", "Finding", "diagnose"]

Examination = Callable[[Path], Iterable[Finding]]

EXAMINATIONS: dict[str, Examination] = {
    "python": examine_python,
    "packages": examine_packages,
    "processor": examine_processor,
    "torch": examine_torch,
    "resources": examine_resources,
    "storage": examine_storage,
    "git": examine_git,
    "params": examine_parameters,
    "dvc": examine_dvc,
    "mlflow": examine_mlflow,
}


def diagnose(root: Path, examinations: dict[str, Examination] = EXAMINATIONS) -> Iterator[Finding]:
    """Yield the findings of each examination of the repository at `root`, as they come.

    One that fails is itself something wrong, and the others go on.
    """
    for name, examine in examinations.items():
        try:
            yield from examine(root)
        except ImportError as error:
            yield Finding(name, "wrong", f"cannot be examined: {error}", "make setup")
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            yield Finding(
                name, "wrong", f"cannot be examined: {reason}", "see what that says; then run this again"
            )
