"""Can the stages read params.yaml?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from resnetbk.doctor.finding import Finding


def examine_parameters(root: Path) -> Iterator[Finding]:
    """Yield the faults of params.yaml."""
    from resnetbk.errors import UserError
    from resnetbk.params import load_params

    try:
        params = load_params(root / "params.yaml")
    except UserError as error:
        yield Finding("params.yaml", "wrong", "; ".join(str(error).splitlines()), "resnetbk params check")
        return
    yield Finding("params.yaml", "ok", f"{len(params.run.models)} models, {len(params.run.seeds)} seeds")
