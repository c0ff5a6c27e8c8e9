"""Show every cell and the comparison in MLflow, and note that it was done.

The note is neither cached nor committed: a new clone, whose MLflow is empty, has none and so sends everything.
It says the same whatever was sent, so that going back to an older commit, whose runs MLflow has kept, leaves
nothing to do.
"""

from pathlib import Path
from typing import Any

from resnetbk.stage import stage


def main(params) -> Any:
    from resnetbk.repro.files import write_json

    write_json("metrics/tracked.json", {"tracked": True})
    return params


def show(params: Any, seconds: float) -> None:
    """Send it all once the out is made: MLflow also gets what no result depends on, such as untracked files."""
    from resnetbk.tracking.track import track

    track(params, root=Path())


if __name__ == "__main__":
    stage(main, show)
