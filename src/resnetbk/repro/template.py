"""A new project from the skeleton of this one: a small pipeline that runs, with its hashes and its tests.

The skeleton is resnetbk/repro/skeleton: a folder of Jinja templates, where `dot_` stands for a leading dot and
`package` for the project's package.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from resnetbk.repro.installed import address_of_installed, pin_installed
from resnetbk.repro.template_config import TemplateConfig, package_of

SKELETON = Path(__file__).with_name("skeleton")
NO_ADDRESS = """`make setup` has to know where the toolkit comes from: write the address of its repository into
`requirements.lock`, as `resnetbk @ git+https://HOST/PATH@COMMIT`. Until then use an environment that has it, with
`VENV=`."""
PACKAGES = ("dvc", "numpy", "pyyaml", "safetensors", "torch")


def create_reproducible_template(
    name: str, config: TemplateConfig | None = None, *, directory: str | Path = "."
) -> Path:
    """Make a new project in the folder `directory/name`, run its pipeline once and return the folder.

    It is a git repository (unless it lies in one) with nothing committed yet, whose dvc.lock holds the hashes of
    that run. The folder appears when all is done, or not at all; nothing that exists is overwritten.

    **Arguments:** `name`: letters, digits, `-` and `_`; `config`: None for the defaults; `directory`: an existing
    folder.
    **Returns:** the new folder, as an absolute path.
    **Raises:** `ValueError` for a name that is no package's or is taken by an installed one, or a package that is
    not installed; `FileExistsError` when the folder exists and is not empty; `FileNotFoundError`,
    `NotADirectoryError` or `PermissionError` for a `directory` in which it cannot be made; `RuntimeError` when its
    pipeline does not run here.
    """
    config = config or TemplateConfig()
    package = package_of(name)
    target = Path(directory).resolve() / name
    _require_free(target)
    values = _values(name, package, config)
    with _workshop(target.parent) as folder:
        project = Path(folder) / name
        _render(project, package, values)
        _run(project, Path(folder))
        try:
            project.rename(target)  # which takes the place of an empty folder, and of nothing else
        except OSError as error:
            raise FileExistsError(f"{target}: appeared in the meantime; nothing was overwritten") from error
    return target


def _require_free(target: Path) -> None:
    parent = target.parent
    if not parent.exists():
        raise FileNotFoundError(f"{parent}: no such folder; make it first, or give another directory")
    if not parent.is_dir():
        raise NotADirectoryError(f"{parent}: a file; expected a folder to make {target.name} in")
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise FileExistsError(
            f"{target}: exists and is no empty folder; choose another name. Nothing was overwritten"
        )


def _workshop(parent: Path) -> tempfile.TemporaryDirectory:
    try:
        return tempfile.TemporaryDirectory(prefix=".new-", dir=parent)
    except OSError as error:
        raise PermissionError(f"{parent}: no new folder can be made there: {error.strerror}") from error


def _values(name: str, package: str, config: TemplateConfig) -> dict[str, object]:
    toolkit = config.toolkit or address_of_installed("resnetbk")
    note = "" if toolkit else NO_ADDRESS
    toolkit = toolkit or f"resnetbk=={version('resnetbk')}"
    pins = pin_installed(["pytest", *PACKAGES, *config.packages, "resnetbk"], config.python)
    lock = sorted([line for line in pins if not line.startswith("resnetbk==")] + [toolkit], key=str.lower)
    return {
        "name": name,
        "package": package,
        "description": config.description,
        "python": config.python,
        "determinism": config.determinism,
        "seed": int(config.seed),
        "dependencies": sorted({*PACKAGES, *config.packages, "resnetbk"}),
        "lock": lock,
        "toolkit_note": note,
    }


def _render(project: Path, package: str, values: dict[str, object]) -> None:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True)
    for template in sorted(SKELETON.rglob("*.jinja")):
        parts = template.relative_to(SKELETON).with_suffix("").parts
        path = project.joinpath(
            *(package if part == "package" else part.replace("dot_", ".", 1) for part in parts)
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        text = environment.from_string(template.read_text(encoding="utf-8")).render(values)
        path.write_text(text, encoding="utf-8")
    (project / "metrics").mkdir()


def _run(project: Path, workshop: Path) -> None:
    """Make it a git repository and run its pipeline, which writes dvc.lock."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "PYTEST_", "GIT_"))
    }
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": "src",
        "PYTHONDONTWRITEBYTECODE": "1",
        "DVC_SITE_CACHE_DIR": str(workshop / "site"),  # for this folder's name, which is not to last
    }
    if not shutil.which("git"):
        raise RuntimeError("git is not installed, and a project's provenance is its commits; install it first")
    inside = subprocess.run(
        ["git", "rev-parse", "--show-toplevel"], cwd=project.parent, capture_output=True, env=environment
    )
    commands = [] if inside.returncode == 0 else [["git", "init", "--quiet", "--initial-branch", "main"]]
    for command in [*commands, [sys.executable, "-m", "dvc", "repro", "--quiet"]]:
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(
                f"the new project does not run here: {' '.join(command)}:\n{done.stdout}{done.stderr}"
            )
    shutil.rmtree(project / ".dvc/tmp")
