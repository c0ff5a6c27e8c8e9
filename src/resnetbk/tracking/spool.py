"""The record that a cell leaves of its making: on what, where, when, how fast.

It is never a DVC out, so it may hold what differs from run to run.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Literal

import resnetbk
from resnetbk.repro.code import imported_sources
from resnetbk.repro.files import sha256_file, write_json
from resnetbk.repro.provenance import get_environment_info
from resnetbk.repro.repository import main_root
from resnetbk.tracking.location import spool_folder

# The file that says what a stage made: a record belongs to these bytes, whichever run made them last.
OUTPUTS = {"train": "models/{model}-{seed}/manifest.json", "evaluate": "metrics/evaluate/{model}-{seed}.json"}

Stage = Literal["train", "evaluate"]


def record_cell(
    *,
    stage: Stage,
    model: str,
    seed: int,
    seconds: float,
    tokens: int | None = None,
    extra: dict[str, Any] | None = None,
) -> Path | None:
    """Leave the record of a finished cell in the spool. Call it last, when the cell's outs are written.

    It never fails the stage: whatever goes wrong is one warning line on stderr.

    **Arguments:** `seconds`: wall time of the work; `tokens`: how many it took in, for the speed; `extra`:
    anything for JSON that should stand in the record.
    **Returns:** the record's path, or None when it could not be written.
    """
    try:
        output = sha256_file(OUTPUTS[stage].format(model=model, seed=seed))
        path = _record_path(main_root(), stage, model, seed, output)
        record = {
            "stage": stage,
            "model": model,
            "seed": seed,
            "output": output,
            "finished": time.time(),
            "seconds": seconds,
            "tokens": tokens,
            "tokens_per_second": tokens / seconds if tokens and seconds else None,
            "dvc_stage": os.environ.get("DVC_STAGE"),
            "dvc_exp_name": os.environ.get("DVC_EXP_NAME"),
            "dvc_exp_baseline_rev": os.environ.get("DVC_EXP_BASELINE_REV"),
            "extra": extra or {},
            "code": _code(),
            "provenance": get_environment_info(),
        }
        write_json(path, record)
        return path
    except Exception as error:  # a record is a convenience, the training behind it may have taken days
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"WARNING: no record of {stage}@{model}-{seed} for MLflow: {reason}", file=sys.stderr)
        return None


def find_record(root: Path, stage: Stage, model: str, seed: int, output: str) -> dict[str, Any] | None:
    """Return the record of the bytes with SHA-256 `output`, or None when there is none that can be read."""
    path = _record_path(root, stage, model, seed, output)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        print(f"WARNING: {path} is no record ({error}); delete it. Going on without it.", file=sys.stderr)
        return None


def _code() -> dict[str, str]:
    """Return path to SHA-256 of the library's files that this stage has imported, this package's aside."""
    root = Path(resnetbk.__file__).parents[2]
    code = imported_sources(root, "resnetbk")
    own = Path(__file__).parent.relative_to(root).as_posix()
    return {path: digest for path, digest in code.items() if not path.startswith(own)}


def _record_path(root: Path, stage: Stage, model: str, seed: int, output: str) -> Path:
    return spool_folder(root) / f"{stage}-{model}-{seed}-{output[:16]}.json"
