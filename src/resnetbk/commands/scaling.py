"""collect comparisons of several sizes, from commits or experiments, for the report's scaling curve"""

from __future__ import annotations

import argparse

EXAMPLE = "resnetbk scaling small medium large"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("revisions", nargs="+", metavar="REVISION", help="a commit, or the name of an experiment")


def run(options: argparse.Namespace) -> int:
    from resnetbk.report.collecting import collect_scaling
    from resnetbk.report.loading import SCALING_FILE
    from resnetbk.repro.files import write_json

    found = collect_scaling(options.revisions)
    write_json(SCALING_FILE, found)
    print(f"{SCALING_FILE}: {len(found['runs'])} runs. Commit it; `dvc repro plot` draws them.")
    return 0
