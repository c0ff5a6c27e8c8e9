"""Was the comparison planned before its cells were trained?"""

from __future__ import annotations

from typing import Any

from resnetbk.comparison.cells import Cells
from resnetbk.params import Params
from resnetbk.plan import PLAN_FILE, differences, plan_of
from resnetbk.repro.files import sha256_json


def why_exploratory(params: Params, cells: Cells, registered: dict[str, Any]) -> str | None:
    """Say how a comparison departs from the plan that its cells were trained under, or None when it does not."""
    trained = {cell.name: cell.manifest.lineage.plan for group in cells.by_model.values() for cell in group}
    now = sha256_json(plan_of(params))
    strangers = [name for name, plan in trained.items() if plan != now]
    if not strangers:
        return None
    if {trained[name] for name in strangers} == {sha256_json(registered)}:
        return f"after training the plan was changed: {'; '.join(differences(registered, plan_of(params)))}"
    return f"{', '.join(strangers)} were trained under another plan than {PLAN_FILE} holds"
