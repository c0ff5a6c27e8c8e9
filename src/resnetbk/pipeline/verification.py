"""Rebuild the last commit from nothing, compare every hash, and write down what was found."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from resnetbk.errors import UserError
from resnetbk.params import load_params
from resnetbk.pipeline.certificate import certificate_paths, write_certificate
from resnetbk.pipeline.checkout import git, require_repository
from resnetbk.pipeline.children import run_together
from resnetbk.pipeline.lock import changed_inputs, compare_outs, read_lock
from resnetbk.pipeline.made_on import LOCK, RECORD, describe_machine, recorded_machine
from resnetbk.pipeline.outs_apart import how_far_apart
from resnetbk.repro.files import sha256_file
from resnetbk.repro.levels import Level
from resnetbk.repro.provenance import git_state

CERTIFICATE = Path("report/certificate.json")  # git ignores it there


def verify(jobs: int, certificate: str | Path = CERTIFICATE) -> None:
    """Rebuild the last commit from nothing, in a clone with an empty cache, and compare the hashes.

    **Arguments:** `jobs`: cells at once; `certificate`: where to write what was found, also when it differs.
    **Raises:** `UserError` when something is not committed, the certificate could not be written, the pipeline
    fails, or dvc.lock or a committed out differs: then it says why bits may differ and how far they are apart.
    """
    require_repository()
    _require_committed()
    _require_writable(certificate)
    level = load_params().run.determinism
    facts: dict[str, Any] = {
        "commit": git("rev-parse", "HEAD"),
        "remote": git_state()["remote"],
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "jobs": jobs,
        "machine": describe_machine(level),
    }
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="resnetbk-verify-") as directory:
        clone = Path(directory, "clone")
        subprocess.run(["git", "clone", "--quiet", ".", str(clone)], check=True)
        (clone / LOCK).unlink()  # or stages whose outs are committed would be taken as done
        facts |= _rebuild(clone, jobs)
        facts["seconds"] = round(time.monotonic() - start, 1)
        if facts["verdict"] == "different":
            facts["why"] = _why(level, facts["machine"])
            facts["distances"] = how_far_apart(facts["outs"], clone, Path(directory, "committed"))
            print(git("-C", str(clone), "diff", "-U0", str(LOCK)))
    written = write_certificate(certificate, facts)
    print(f"Certificate: {' and '.join(map(str, written))}")
    if facts["verdict"] != "identical":
        raise UserError(_complaint(facts))
    print("Verified: rebuilt from nothing, dvc.lock and every committed out are the same, byte for byte.")


def _rebuild(clone: Path, jobs: int) -> dict[str, Any]:
    """Run the pipeline in a clone without dvc.lock and compare what it makes with the last commit."""
    command = [sys.executable, "-m", "resnetbk.cli", "reproduce", "--jobs", str(jobs)]
    (code,) = run_together([command], 1, cwd=clone, env={**os.environ, "PYTHONPATH": "src"})
    committed = read_lock(LOCK)
    rebuilt = read_lock(clone / LOCK) if (clone / LOCK).is_file() else {}
    outs = compare_outs(committed, rebuilt)
    # The clone notes the machine that made another lock: that it did is no difference of its own.
    changed = git("-C", str(clone), "status", "--porcelain", "--", ".", f":(exclude){RECORD}").splitlines()
    if not code:
        changed += [f"{stage}: its code, data or parameters" for stage in changed_inputs(committed, rebuilt)]
    return {
        "verdict": "failed" if code else "different" if changed else "identical",
        "outs": [{**vars(out), "matched": out.matched} for out in outs],
        "changed": changed,
        "why": [],
        "distances": {},
    }


def _why(level: Level, here: dict[str, Any]) -> list[str]:
    """Return the reasons that are to be seen, or what is missing to see them."""
    from resnetbk.repro.difference import why_bits_differ

    recorded = recorded_machine()
    if recorded is None or recorded["lock"] != sha256_file(LOCK):
        return [
            f"the commit does not say which machine made its results ({RECORD}, which `resnetbk reproduce` writes "
            "and plain `dvc repro` does not)"
        ]
    if level == "fast":
        return ["run.determinism is fast, which promises no bits"]
    return why_bits_differ(recorded, here) or [
        "nothing that is known to decide bits differs from the machine that made them: look for a defect"
    ]


def _complaint(facts: dict[str, Any]) -> str:
    if facts["verdict"] == "failed":
        return "the pipeline failed in a clone of the last commit; see above"
    paragraphs = ["rebuilding the last commit from nothing changed:", *facts["changed"]]
    wrong = [out for out in facts["outs"] if not out["matched"]]
    if wrong:
        paragraphs.append(
            f"{len(wrong)} of {len(facts['outs'])} outs differ; the first made is {wrong[0]['path']}"
        )
    paragraphs += [f"Why: {reason}" for reason in facts["why"]]
    paragraphs += [f"How far: {path}: {far}" for path, far in facts["distances"].items()]
    return "\n".join(paragraphs)


def _require_committed() -> None:
    dirty = git("status", "--porcelain", "--untracked-files=no")
    if dirty:
        raise UserError(
            f"these files differ from the last commit, so there is nothing definite to verify:\n{dirty}\n"
            "Commit them (after `make reproduce`) or restore them, then run `make verify` again"
        )
    if not git("ls-files", str(LOCK)):
        raise UserError(f"the last commit has no {LOCK}; run `make reproduce` and commit what it makes")


def _require_writable(certificate: str | Path) -> None:
    """Find out before the work that what was found could not be written after it."""
    folder = certificate_paths(certificate)[0].parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(f"{folder}: the certificate cannot be written there: {error.strerror}") from None
