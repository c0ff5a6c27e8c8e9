"""bring the whole pipeline up to date, several cells at a time"""

from __future__ import annotations

import argparse
import os

from resnetbk.commands.arguments import add_jobs, positive

EXAMPLE = "resnetbk reproduce --jobs 2"


def configure(parser: argparse.ArgumentParser) -> None:
    add_jobs(parser)
    parser.set_defaults(jobs=None)
    parser.add_argument(
        "--processes",
        type=positive,
        help="processes that share the training of a cell, at most train.accumulation; the bits stay the same "
        "(default: RESNETBK_PROCESSES, or 1). Cells at once are then CPUs / processes",
    )
    parser.add_argument(
        "--live",
        action="store_true",
        help="show trainings in MLflow, or what RESNETBK_TRACKERS names, while they run; so too when "
        "MLFLOW_TRACKING_URI or RESNETBK_TRACKERS is set",
    )


def run(options: argparse.Namespace) -> None:
    from resnetbk.params import load_params
    from resnetbk.pipeline import reproduce
    from resnetbk.tracking.live import follower, wanted_live
    from resnetbk.training.launch import VARIABLE, require_parts, wanted_processes

    if options.processes:
        os.environ[VARIABLE] = str(options.processes)  # passed on by DVC to the stages
    processes = wanted_processes()
    require_parts(load_params().train.accumulation, processes)
    with follower(options.live or wanted_live()):
        reproduce(options.jobs or max(1, (os.cpu_count() or 1) // processes))
