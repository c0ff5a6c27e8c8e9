"""Are the packages, the interpreter and the base image those of everybody else?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from resnetbk.repro.validation.not_checkable import NotCheckable
from resnetbk.repro.validation.project import Project

LOCK = "requirements.lock"
COMMIT = re.compile(r"^git\+.+@[0-9a-f]{40}(#.*)?$")
DIGEST = re.compile(r"#(.*&)?sha256=[0-9a-f]{64}")


def every_package_pinned(project: Project) -> list[str]:
    """Find lines of requirements.lock that allow more than one version, and dependencies that it leaves out."""
    from packaging.utils import canonicalize_name

    problems, locked = [], set()
    for number, line in _requirements(project):
        if isinstance(line, str):
            problems.append(f"{LOCK}:{number}: {line}")
            continue
        locked.add(canonicalize_name(line.name))
        versions = list(line.specifier)
        exact = len(versions) == 1 and versions[0].operator in ("==", "===") and "*" not in versions[0].version
        if line.url and not (COMMIT.search(line.url) or DIGEST.search(line.url)):
            problems.append(f"{LOCK}:{number}: {line.name} comes from an address without a commit or a sha256")
        elif not line.url and not exact:
            problems.append(f"{LOCK}:{number}: {line} is not pinned; write {line.name}==VERSION")
    for name in sorted(_dependencies(project) - locked):
        problems.append(f"{LOCK}: {name}, a dependency in pyproject.toml, is not in it")
    return problems


def python_declared(project: Project) -> list[str]:
    """Find whether pyproject.toml says which Python, and the image has that one."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    wanted = project.pyproject.get("project", {}).get("requires-python")
    if not wanted:
        return ["pyproject.toml: project.requires-python is missing"]
    try:
        allowed = SpecifierSet(wanted)
    except InvalidSpecifier:
        return [f"pyproject.toml: project.requires-python: {wanted!r} is no range of versions"]
    problems = []
    for number, image in _images(project):
        version = re.search(r"(?:^|/)python:(\d+\.\d+(?:\.\d+)?)", image)
        if version and not allowed.contains(version[1] if version[1].count(".") > 1 else f"{version[1]}.99"):
            problems.append(f"Dockerfile:{number}: Python {version[1]}, while pyproject.toml asks for {wanted}")
    return problems


def image_pinned(project: Project) -> list[str]:
    """Find base images without a version, and an image that does not install the lock."""
    text, problems = project.text("Dockerfile"), []
    images = list(_images(project))
    for number, image in images:
        tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
        if "@sha256:" not in image and not re.search(r"\d", tag):
            problems.append(
                f"Dockerfile:{number}: {image} has no version: write {image.partition(':')[0]}:VERSION"
            )
    if not images:
        problems.append("Dockerfile: no FROM")
    if LOCK not in text:
        problems.append(f"Dockerfile: does not install {LOCK}")
    return problems


def _requirements(project: Project) -> Iterator[tuple[int, object]]:
    """Yield line number and requirement, or what is wrong with the line."""
    from packaging.requirements import InvalidRequirement, Requirement

    for number, line in enumerate(project.text(LOCK).splitlines(), start=1):
        line = re.sub(r"(^|\s)#.*$", "", line).strip().removesuffix("\\").strip()
        line = re.sub(r"\s--hash=\S+", "", line)
        if not line or line.startswith(("--hash=", "--index-url", "--extra-index-url")):
            continue
        try:
            yield number, Requirement(line)
        except InvalidRequirement:
            yield number, f"{line!r} is no requirement of the form NAME==VERSION"


def _dependencies(project: Project) -> set[str]:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    try:
        return {
            canonicalize_name(Requirement(line).name)
            for line in project.pyproject.get("project", {}).get("dependencies", [])
        }
    except InvalidRequirement as error:
        raise NotCheckable(f"pyproject.toml: project.dependencies: {error}") from None


def _images(project: Project) -> Iterator[tuple[int, str]]:
    """Yield line number and base image of each FROM, with the defaults of its ARGs filled in."""
    defaults, stages = {}, set()
    for number, line in enumerate(project.text("Dockerfile").splitlines(), start=1):
        if argument := re.match(r"\s*ARG\s+(\w+)=(\S+)", line, re.IGNORECASE):
            defaults[argument[1]] = argument[2].strip("\"'")
        if base := re.match(r"\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", line, re.IGNORECASE):
            image = re.sub(r"\$\{?(\w+)\}?", lambda name: defaults.get(name[1], name[0]), base[1])
            if image not in stages and image != "scratch":
                yield number, image
            stages.add(base[2])
