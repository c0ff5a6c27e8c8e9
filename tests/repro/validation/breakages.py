"""Ways to break a project made from the skeleton, each in one respect."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import yaml

TRAINING = "src/my_study/training.py"


def edit(project: Path, name: str, old: str, new: str) -> None:
    """Replace one text in a file, which has to hold it, and leave dvc.lock as if the pipeline had run since."""
    path = project / name
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{name} does not hold {old!r}"
    path.write_text(text.replace(old, new), encoding="utf-8")
    relock(project)


def relock(project: Path) -> None:
    """Bring the hashes of source files and the params in dvc.lock up to date."""
    lock = yaml.safe_load((project / "dvc.lock").read_text(encoding="utf-8"))
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    for stage in lock["stages"].values():
        for dep in stage["deps"]:
            if dep["path"].endswith(".py") and (project / dep["path"]).exists():
                content = (project / dep["path"]).read_bytes()
                dep |= {"md5": hashlib.md5(content).hexdigest(), "size": len(content)}
        for key in stage["params"]["params.yaml"]:
            value = params
            for part in key.split("."):
                value = value[part]
            stage["params"]["params.yaml"][key] = value
    (project / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False), encoding="utf-8")


def change(name: str, old: str, new: str) -> Callable[[Path], None]:
    return lambda project: edit(project, name, old, new)


def append(name: str, text: str) -> Callable[[Path], None]:
    def breakage(project: Path) -> None:
        (project / name).write_text((project / name).read_text(encoding="utf-8") + text, encoding="utf-8")
        relock(project)

    return breakage


def remove(name: str) -> Callable[[Path], None]:
    return lambda project: subprocess.run(["rm", "-r", project / name], check=True)


def also_in_lock(name: str, old: str, new: str) -> Callable[[Path], None]:
    """Change dvc.yaml, and dvc.lock in the same way."""

    def breakage(project: Path) -> None:
        lock = (project / "dvc.lock").read_text(encoding="utf-8")
        edit(project, "dvc.yaml", old, new)
        entries = yaml.safe_load(lock)["stages"]
        stage = yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))["stages"][name]
        known = {dep["path"]: dep for dep in entries[name]["deps"]}
        entries[name]["deps"] = [known.get(path, {"path": path}) for path in stage["deps"]]
        for key in entries[name]["params"]["params.yaml"].keys() - set(stage["params"]):
            del entries[name]["params"]["params.yaml"][key]
        (project / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": entries}), encoding="utf-8")

    return breakage


def commit_weights(project: Path) -> None:
    subprocess.run(["git", "add", "--force", "models/network.safetensors"], cwd=project, check=True)


def edit_after_the_run(project: Path) -> None:
    with (project / TRAINING).open("a", encoding="utf-8") as file:
        file.write("# more\n")


def stage_that_was_removed(project: Path) -> None:
    lock = yaml.safe_load((project / "dvc.lock").read_text(encoding="utf-8"))
    lock["stages"]["before"] = {"cmd": "true"}
    (project / "dvc.lock").write_text(yaml.safe_dump(lock), encoding="utf-8")


def without_git(project: Path) -> None:
    subprocess.run(["rm", "-r", project / ".git"], check=True)


def without_tests(*tests: str) -> Callable[[Path], None]:
    """Cut the tests of these names out of every file."""

    def breakage(project: Path) -> None:
        for path in (project / "tests").glob("test_*.py"):
            text = path.read_text(encoding="utf-8")
            for test in tests:
                text = re.sub(rf"^def {test}\(.*?(?=^def |\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
            path.write_text(text, encoding="utf-8")

    return breakage


def constant_seeds(project: Path) -> None:
    edit(project, "src/my_study/data.py", "PCG64(seed)", "PCG64(0)")
    edit(project, TRAINING, "set_global_seed(seed)", "set_global_seed(0)")
    edit(project, TRAINING, "manual_seed(seed)", "manual_seed(0)")


def without_control(project: Path) -> None:
    without_tests("test_another_seed_gives_others")(project)
    edit(project, "tests/test_data.py", "    assert drawn(seed=0) != drawn(seed=1)\n", "")


def broken_yaml(project: Path) -> None:
    (project / "params.yaml").write_text("run: [", encoding="utf-8")
