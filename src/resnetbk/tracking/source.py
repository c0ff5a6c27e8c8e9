"""Which tree's results are sent, and what is known of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resnetbk.repro.provenance import get_environment_info


@dataclass(frozen=True)
class Source:
    """Where results come from.

    `root`: the tree that holds params.yaml, metrics/, models/, plots/ and report/; `main`: the main repository,
    whose .resnetbk may know more of the cells; `experiment`: the DVC experiment's name, or ""; `baseline`: the
    commit that it started from, or ""; `provenance`: the facts for what has no record of its own, and `found` the
    words that say where they are from.
    """

    root: Path
    main: Path
    experiment: str
    baseline: str
    provenance: dict[str, Any]
    found: str

    @classmethod
    def here(cls, root: Path, main: Path) -> Source:
        """Describe the tree that a stage runs in."""
        return cls(
            root,
            main,
            os.environ.get("DVC_EXP_NAME", ""),
            os.environ.get("DVC_EXP_BASELINE_REV", ""),
            get_environment_info(root),
            "taken by track: there is no record of its making",
        )
