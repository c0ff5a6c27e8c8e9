"""The parts that every project of this kind has, and whether they can be read."""

from __future__ import annotations

import re

from resnetbk.repro.validation.not_checkable import NotCheckable
from resnetbk.repro.validation.project import Project

FILES = (
    "README.md",
    "Dockerfile",
    "Makefile",
    "params.yaml",
    "dvc.yaml",
    "dvc.lock",
    "pyproject.toml",
    "requirements.lock",
)
FOLDERS = ("stages", "src", "data", "models", "metrics", "tests")
CONTINUOUS = (
    ".ci/*",
    ".github/workflows/*.yml",
    ".github/workflows/*.yaml",
    ".gitlab-ci.yml",
    ".circleci/config.yml",
)


def required_files(project: Project) -> list[str]:
    """Name each required file that is missing or cannot be read."""
    problems = []
    for name in FILES:
        try:
            if name in ("params.yaml", "dvc.yaml", "dvc.lock"):
                project.mapping(name)
            elif name == "pyproject.toml":
                _ = project.pyproject
            else:
                project.text(name)
        except NotCheckable as error:
            problems.append(str(error))
    return problems


def required_folders(project: Project) -> list[str]:
    """Name each required folder that is missing, and each Python file in them that does not parse."""
    problems = [f"{name}/ is missing" for name in FOLDERS if not (project.root / name).is_dir()]
    problems += [f"{name}/ holds no Python file" for name in ("stages", "src") if _without_python(project, name)]
    for part in ("code", "tests"):
        try:
            getattr(project, part)
        except NotCheckable as error:
            problems += [str(error)] if "not Python" in str(error) else []
    return problems


def readme_commands(project: Project) -> list[str]:
    """Find whether README.md says how to reproduce and how to test, in commands that exist."""
    readme = project.text("README.md")
    targets = set(re.findall(r"^([\w-]+):", project.text("Makefile"), re.MULTILINE))
    told = set(re.findall(r"(?:^|[`(\s])make ([\w-]+)", "\n".join(_code(readme))))
    problems = [f"README.md: `make {name}` is no target of Makefile" for name in sorted(told - targets)]
    for purpose, commands in (
        ("reproduces everything", r"make reproduce|dvc repro\b|dvc exp run"),
        ("runs the tests", r"make test|pytest"),
    ):
        if not any(re.search(commands, line) for line in _code(readme)):
            problems.append(f"README.md: no command that {purpose} ({commands.replace('|', ', ')})")
    return [problem.replace("\\b", "") for problem in problems]


def continuous_integration(project: Project) -> list[str]:
    """Find whether something runs the tests and the reproduction at every push."""
    files = [path for pattern in CONTINUOUS for path in sorted(project.root.glob(pattern)) if path.is_file()]
    if not files:
        return [f"none of {', '.join(CONTINUOUS)}: nothing runs the tests at a push"]
    text = "\n".join(project.text(path.relative_to(project.root).as_posix()) for path in files)
    names = ", ".join(path.relative_to(project.root).as_posix() for path in files)
    return [
        f"{names}: does not run {what}"
        for what, commands in (
            ("the tests (make test or pytest)", r"make test|pytest"),
            ("the pipeline (make verify, make reproduce or dvc repro)", r"make verify|make reproduce|dvc repro"),
        )
        if not re.search(commands, text)
    ]


def _without_python(project: Project, folder: str) -> bool:
    return (project.root / folder).is_dir() and not any((project.root / folder).rglob("*.py"))


def _code(markdown: str) -> list[str]:
    """Return the text of code blocks and of `code` within lines."""
    blocks = re.findall(r"^```.*?\n(.*?)^```", markdown, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", markdown)
