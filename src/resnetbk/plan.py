"""The plan of a comparison: what is tested, how and on which seeds, fixed before anything trains.

`plan.lock.json` holds it, and every checkpoint's manifest binds its hash. A result by another plan than the one
its cells were trained under is exploratory: it may have been chosen after seeing the numbers. Git's history of the
file tells when a plan was registered.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from resnetbk.errors import UserError
from resnetbk.params import Params
from resnetbk.repro.sealed import IntegrityError, read_sealed, write_sealed

PLAN_FILE = Path("plan.lock.json")
PRIMARY_METRIC = "mean loss of the test split, nats a token"


def plan_of(params: Params) -> dict[str, Any]:
    """Return the plan that parameters describe: metric, models, seeds and the section `compare`."""
    return {
        "primary_metric": PRIMARY_METRIC,
        "models": list(params.run.models),
        "seeds": list(params.run.seeds),
        **params.compare.model_dump(),
    }


def register_plan(params: Params, path: Path = PLAN_FILE) -> str:
    """Write the plan of `params`, sealed by its hash, and return the hash; earlier trainings are not under it."""
    return write_sealed(path, plan_of(params))


def read_plan(path: Path = PLAN_FILE) -> dict[str, Any]:
    """Return the registered plan.

    **Raises:** `UserError` when there is none, or when the file was edited by hand.
    """
    cure = "`resnetbk plan register` writes it from params.yaml"
    try:
        return read_sealed(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no plan is registered; {cure}") from None
    except IntegrityError as error:
        raise UserError(f"{error}; {cure}") from None


def differences(registered: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return a phrase for each key of two plans that differs."""
    return [
        f"{key} was {json.dumps(registered.get(key))} and is {json.dumps(now.get(key))}"
        for key in {**registered, **now}
        if registered.get(key) != now.get(key)
    ]
