"""Are the packages those of requirements.lock?"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from resnetbk.doctor.finding import Finding

SHOWN = 5


def examine_packages(root: Path) -> Iterator[Finding]:
    """Compare what is installed with each line of requirements.lock that is for this machine."""
    from packaging.requirements import Requirement

    lock = root / "requirements.lock"
    if not lock.is_file():
        yield Finding("packages", "wrong", f"no {lock.name} in {root}", "run from the repository's root")
        return
    lines = [line.split("#")[0].strip() for line in lock.read_text(encoding="utf-8").splitlines()]
    wanted = [Requirement(line) for line in lines if line and not line.startswith("-")]
    wanted = [requirement for requirement in wanted if not requirement.marker or requirement.marker.evaluate()]
    faults = []
    for requirement in wanted:
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            faults.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            faults.append(f"{requirement.name} {found}, locked {requirement.specifier}")
    if faults:
        more = f"; {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        yield Finding("packages", "wrong", "; ".join(faults[:SHOWN]) + more, "make setup")
    else:
        yield Finding("packages", "ok", f"{len(wanted)}, as {lock.name} has them")
