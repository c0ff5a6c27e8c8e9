"""Was the comparison planned before its cells were trained?"""

from __future__ import annotations

from typing import Any

from resnetbk.comparison.cells import Cells
from resnetbk.errors import UserError
from resnetbk.params import Params
from resnetbk.plan import PLAN_FILE, PRIMARY_METRIC, differences, plan_of
from resnetbk.repro.files import sha256_json


def why_exploratory(params: Params, cells: Cells, registered: dict[str, Any]) -> str | None:
    """Say how a comparison departs from the plan that its cells were trained under, or None when it does not.

    **Raises:** `UserError` when the registered plan names no primary metric, or one that is not the one compared.
    """
    metric = registered.get("primary_metric")
    if metric != PRIMARY_METRIC:
        found = "names no primary metric" if metric is None else f"names the primary metric {metric!r}"
        raise UserError(
            f"{PLAN_FILE}: primary_metric: the plan {found}, expected {PRIMARY_METRIC!r}; without it any number "
            "could be chosen after the fact. Run: resnetbk plan register"
        )
    trained = {cell.name: cell.manifest.lineage.plan for group in cells.by_model.values() for cell in group}
    now = sha256_json(plan_of(params))
    strangers = [name for name, plan in trained.items() if plan != now]
    if not strangers:
        return None
    if {trained[name] for name in strangers} == {sha256_json(registered)}:
        return f"after training the plan was changed: {'; '.join(differences(registered, plan_of(params)))}"
    return f"{', '.join(strangers)} were trained under another plan than {PLAN_FILE} holds"
