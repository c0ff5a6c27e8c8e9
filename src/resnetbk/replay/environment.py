"""Whether this environment is the one that a run was made in."""

from __future__ import annotations

from typing import Any

from resnetbk.replay.errors import NotCheckable
from resnetbk.replay.recorded import RecordedCell
from resnetbk.repro.provenance import get_environment_info

OWN = "resnetbk"  # comes from the worktree, whatever is installed


def require_packages(run: RecordedCell) -> None:
    """Check that every package of a run is installed here in the same version; others may be.

    **Raises:** `NotCheckable` naming those that are not.
    """
    if other := other_packages(run):
        raise NotCheckable(
            f"run {run.run_id} was made with other packages: {', '.join(other[:8])}"
            f"{' ...' if len(other) > 8 else ''}. Install those of requirements.lock at commit {run.commit[:12]} "
            "(`make setup` there), then again"
        )


def other_packages(run: RecordedCell) -> list[str]:
    """Return the packages of a run that are missing here or have another version, in words."""
    here = get_environment_info()["packages"]
    return [
        f"{name} {version} (here {here.get(name, 'missing')})"
        for name, version in run.provenance["packages"].items()
        if name != OWN and here.get(name) != version
    ]


def unpromised(run: RecordedCell) -> str | None:
    """Return why a run's own level of determinism allows other bits here, None where it does not."""
    level = run.manifest.get("determinism")
    if level == "fast":
        return "run.determinism was fast, which promises no bits"
    here, there = _host(get_environment_info()), _host(run.provenance)
    if level == "machine" and here != there:
        return f"run.determinism was machine, and that host ({there}) is not this one ({here})"
    return None


def _host(provenance: dict[str, Any]) -> str:
    return f"{provenance['cpu']['model']}, {provenance['platform']}"
