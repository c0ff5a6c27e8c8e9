"""make a recorded run again from its commit, diff, params and data, and compare every bit"""

from __future__ import annotations

import argparse
import sys

EXAMPLE = "resnetbk replay 0f427c04"
NOTES = (
    "Exit code 0: identical; 1: different; 2: could not be checked. It runs the run's own code, recorded diff "
    "included: replay runs of people you trust."
)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_id", help="MLflow's id of a cell's run, or its first digits")
    parser.add_argument("--tracking-uri", help="where MLflow is (default: MLFLOW_TRACKING_URI, else mlflow.db)")
    parser.add_argument("--keep", action="store_true", help="leave the worktree for a look")


def run(options: argparse.Namespace) -> int:
    from resnetbk.replay.errors import NotCheckable
    from resnetbk.replay.replay import replay

    try:
        verdict = replay(options.run_id, uri=options.tracking_uri, keep=options.keep)
    except (NotCheckable, OSError) as error:  # a full disk, a read-only folder
        print(f"COULD NOT BE CHECKED: {error}", file=sys.stderr)
        return 2
    print(verdict)
    return verdict.exit_code
