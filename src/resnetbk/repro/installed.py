"""The exact versions of installed packages and of all that they need: a lock made from what really runs."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def pin_installed(requirements: Iterable[str], python: str) -> list[str]:
    """Pin requirements and everything below them to the versions that are installed here.

    The list holds for this platform: what only another system or Python would need is not in it. A local label,
    such as `+cpu` of a build of torch, is left out: package indexes do not have it.

    **Arguments:** `requirements`: such as `"torch>=2"`; `python`: the version that markers are read for: `"3.11"`.
    **Returns:** `name==version`, sorted by name.
    **Raises:** `ValueError` naming a package that is not installed or has another version than was asked for.
    """
    marker = {"python_version": python, "python_full_version": f"{python}.0"}
    pins: dict[str, str] = {}
    todo, done = [(Requirement(text), "the project") for text in requirements], set()
    while todo:
        requirement, needed_by = todo.pop()
        name = canonicalize_name(requirement.name)
        if (name, *sorted(requirement.extras)) in done:
            continue
        done.add((name, *sorted(requirement.extras)))
        found = _find(requirement, needed_by)
        pins[name] = f"{name}=={found.version.partition('+')[0]}"
        for text in found.requires or []:
            inner = Requirement(text)
            environments = [marker | {"extra": extra} for extra in ("", *requirement.extras)]
            if not inner.marker or any(inner.marker.evaluate(environment) for environment in environments):
                todo.append((inner, name))
    return [pins[name] for name in sorted(pins)]


def address_of_installed(name: str) -> str | None:
    """Return a requirement by which others get this very version of a package that came from no index.

    **Returns:** `name==version` for one that came from an index; `name @ git+URL@COMMIT` for one from git, an
    editable tree that has nothing uncommitted included; None when others cannot get it from where it came from.
    """
    found = distribution(name)
    came_from = json.loads(found.read_text("direct_url.json") or "null")
    if came_from is None:
        return f"{name}=={found.version.partition('+')[0]}"
    if "vcs_info" in came_from:
        return f"{name} @ git+{came_from['url']}@{came_from['vcs_info']['commit_id']}"
    folder = came_from["url"].removeprefix("file://")
    if "dir_info" not in came_from or _git(folder, "status", "--porcelain") != "":
        return None
    url = re.sub(r"(?<=://)[^/]*@", "", _git(folder, "remote", "get-url", "origin") or "")
    return f"{name} @ git+{url}@{_git(folder, 'rev-parse', 'HEAD')}" if url.startswith("https://") else None


def _find(requirement: Requirement, needed_by: str) -> Distribution:
    try:
        found = distribution(requirement.name)
    except PackageNotFoundError:
        raise ValueError(
            f"{requirement.name}, which {needed_by} needs, is not installed; versions are pinned to those of this "
            f"environment: install it first"
        ) from None
    if not requirement.specifier.contains(found.version, prereleases=True):
        raise ValueError(f"{needed_by} needs {requirement}, and {found.version} is installed here")
    return found


def _git(folder: str, *arguments: str) -> str | None:
    """Return what git says of a folder, None where it says nothing."""
    run = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True)
    return run.stdout.strip() if run.returncode == 0 else None
