"""The stage that shows the pipeline's results in MLflow, and never fails because MLflow does."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from resnetbk.params import Params
from resnetbk.repro.provenance import strip_credentials
from resnetbk.repro.repository import main_root
from resnetbk.tracking.cell import read_cell
from resnetbk.tracking.comparison import read_comparison
from resnetbk.tracking.location import lock_file, tracking_uri
from resnetbk.tracking.mlflow_store import send


def track(params: Params, *, root: Path) -> bool:
    """Send every cell and the comparison to MLflow; what is there already is left alone.

    MLFLOW_TRACKING_URI names the server (without it: mlflow.db), MLFLOW_EXPERIMENT_NAME the experiment there
    (without it: "resnetbk").

    **Arguments:** `root`: the tree that holds metrics/, models/ and report/.
    **Returns:** whether MLflow took everything; if not, one warning on stderr says what it did not.
    **Raises:** `UserError` when a file that an earlier stage makes is missing or broken.
    """
    main = main_root()
    uri = tracking_uri(main)
    experiment = os.environ.get("DVC_EXP_NAME", "")
    runs = [
        read_cell(params, model, seed, root=root, spool=main, experiment=experiment)
        for model in params.run.models
        for seed in params.run.seeds
    ]
    runs.append(read_comparison(params, root=root, experiment=experiment))
    new, unsent = 0, list(runs)
    try:
        for run, is_new in send(
            runs,
            uri=uri,
            experiment=os.environ.get("MLFLOW_EXPERIMENT_NAME") or "resnetbk",
            artifacts=main / "mlruns",
            lock=lock_file(main),
        ):
            unsent.remove(run)
            new += is_new
    except Exception as error:  # the results are complete; whatever ails their view must not fail the pipeline
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        print(
            strip_credentials(
                f"WARNING: MLflow at {uri} did not take {len(unsent)} of {len(runs)} runs "
                f"({', '.join(run.name for run in unsent)}): {reason[:500]}\n"
                "Nothing is lost: metrics/, models/ and report/ hold it all. "
                "To send the rest later: dvc repro -f -s track"
            ),
            file=sys.stderr,
        )
        return False
    print(strip_credentials(f"MLflow at {uri}: {new} runs sent, {len(runs) - new} were there already"))
    return True
