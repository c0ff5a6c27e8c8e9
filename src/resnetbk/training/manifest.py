"""The manifest of a trained cell: what went into it and what came out, sealed by a hash of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from resnetbk.errors import UserError
from resnetbk.plan import PLAN_FILE, read_plan
from resnetbk.repro.files import sha256_json
from resnetbk.repro.lineage import bind
from resnetbk.repro.sealed import IntegrityError, read_sealed


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest that a training wrote.

    **Raises:** `UserError` when the file is missing, or is not to the bit what was written.
    """
    try:
        return read_sealed(path)
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run `dvc repro train@{path.parent.name}`") from None
    except IntegrityError as error:
        raise UserError(f"{error}. `dvc checkout --force {path.parent}` restores it") from None


def lineage(manifest: dict[str, Any], *, audit: str, plan: str | None) -> dict[str, Any]:
    """Return the link that binds the trained weights to all that they were made from.

    **Arguments:** `manifest`: a cell's, with its `steps` and `final_weights`; `audit`: the SHA-256 of its model's
    audit, from which the chain starts; `plan`: the hash of the plan that was registered when it was trained.
    """
    next_batch = manifest["steps"] * manifest["train"]["accumulation"]
    params = ("initial_weights", "model", "config", "train", "parameter_budget", "determinism", "kernels")
    return bind(
        parent=audit,
        data={"sha256": manifest["data"], "seed": manifest["seed"], "next_batch": next_batch},
        code=sha256_json(manifest["code"]),
        params=sha256_json({name: manifest[name] for name in params}),
        plan=plan,
        artefact=manifest["final_weights"],
    )


def registered_plan(root: Path) -> str | None:
    """Return the hash of the registered plan of the comparison, None when there is none.

    **Raises:** `UserError` when the file was edited by hand.
    """
    path = root / PLAN_FILE
    return sha256_json(read_plan(path)) if path.exists() else None
