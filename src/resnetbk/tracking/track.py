"""The stage that shows the pipeline's results in MLflow, and never fails because MLflow does."""

from __future__ import annotations

import sys
from pathlib import Path

from resnetbk.params import Params
from resnetbk.repro.repository import main_root
from resnetbk.tracking.live import open_senders, send_once, wanted_trackers
from resnetbk.tracking.location import lock_file, mlflow_place, tracking_uri
from resnetbk.tracking.mlflow_pipeline import TrackedPipeline, send
from resnetbk.tracking.results import read_pipeline
from resnetbk.tracking.secrets import without_secrets
from resnetbk.tracking.sender import Sender
from resnetbk.tracking.source import Source


def track(params: Params, *, root: Path) -> bool:
    """Send every cell and the comparison to MLflow; what is there already is left alone.

    MLFLOW_TRACKING_URI names the server (without it: mlflow.db), MLFLOW_EXPERIMENT_NAME one experiment there for
    all pipeline runs (without it each has its own).

    **Arguments:** `root`: the tree that holds metrics/, models/ and report/.
    **Returns:** whether MLflow took everything; if not, one warning on stderr says what it did not.
    **Raises:** `UserError` when a file that an earlier stage makes is missing or broken.
    """
    main = main_root()
    whole = read_pipeline(params, Source.here(root, main))
    senders = open_senders(wanted_trackers(), main)
    mlflow = next((sender for sender in senders if sender.name == "mlflow"), None)
    for message in send_once([sender for sender in senders if sender is not mlflow]):
        print(f"WARNING: {message}", file=sys.stderr)
    taken = send_results(whole, main, journals=mlflow, again="dvc repro -f -s track")
    for sender in senders:
        sender.close()
    return taken


def send_results(whole: TrackedPipeline, main: Path, *, journals: Sender | None = None, again: str) -> bool:
    """Send one pipeline run to MLflow.

    **Arguments:** `journals`: brings what trainings wrote first, so that live runs are completed and not sent
    again; `again`: the command that sends the rest later.
    **Returns:** and warns as `track` does.
    """
    uri, place = tracking_uri(main), mlflow_place(main)
    new, unsent = 0, list(whole.runs)
    try:
        if journals:
            journals.drain()
        for run, is_new in send(whole, uri=uri, place=place, lock=lock_file(main)):
            unsent.remove(run)
            new += is_new
    except Exception as error:  # the results are complete; whatever ails their view must not fail the pipeline
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        print(
            without_secrets(
                f"WARNING: MLflow at {uri} did not take {len(unsent)} of {len(whole.runs)} runs "
                f"({', '.join(run.name for run in unsent)}): {reason[:500]}\n"
                "Nothing is lost: metrics/, models/ and report/ hold it all. "
                f"To send the rest later: {again}"
            ),
            file=sys.stderr,
        )
        return False
    print(without_secrets(f"MLflow at {uri}: {new} runs sent, {len(whole.runs) - new} were there already"))
    return True
