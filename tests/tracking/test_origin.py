"""What MLflow is given of untracked files: code and plan whole, of all others names and hashes alone."""

import subprocess

from resnetbk.repro.provenance import get_environment_info
from resnetbk.tracking.origin import untracked_code


def test_untracked_code_is_kept_and_nothing_else(tmp_path):
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    names = ["src/a/new.py", "stages/extra.py", "plan.lock.json", "token.py", "src/.env", "src/a/table.npy"]
    for name in [*names, "src/changed.py", "src/gone.py"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    provenance = get_environment_info(tmp_path)
    (tmp_path / "src/changed.py").write_text("edited since it was recorded")
    (tmp_path / "src/gone.py").unlink()
    kept = untracked_code(provenance, tmp_path)
    assert sorted(kept) == [f"provenance/untracked/{name}" for name in sorted(names[:3])]
    assert kept["provenance/untracked/src/a/new.py"] == tmp_path / "src/a/new.py"
