"""Are data and weights kept out of git?"""

from __future__ import annotations

from pathlib import PurePosixPath

from resnetbk.repro.validation.project import Project

WEIGHTS = frozenset(
    ".safetensors .pt .pth .ckpt .bin .onnx .h5 .hdf5 .npy .npz .pkl .pickle .joblib .parquet .arrow "
    ".feather".split()
)


def nothing_heavy_in_git(project: Project) -> list[str]:
    """Name data and weights that git holds, and outs that it would take."""
    tracked = [name for name in project.git("ls-files", "-z").split("\0") if name]
    problems = []
    for name in map(PurePosixPath, tracked):
        stored = (
            name.parts[0] in ("data", "models")
            and name.suffix != ".dvc"
            and name.name not in (".gitignore", ".gitkeep", "README.md")
        )
        if stored or name.suffix in WEIGHTS:
            problems.append(f"{name}: committed; `git rm --cached {name}` and leave it to DVC")
    outs = sorted({out.path for stage in project.stages for out in stage.outs if out.cached})
    ignored = set(project.git("check-ignore", "-z", "--stdin", stdin="\0".join(outs)).split("\0"))
    problems += [f"{out}: made by a stage, and not in .gitignore" for out in outs if out not in ignored]
    return problems
