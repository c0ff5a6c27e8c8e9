"""show, or remove, what no commit, no experiment and not the working tree needs"""

from __future__ import annotations

import argparse
from collections import defaultdict

EXAMPLE = """\
resnetbk gc
resnetbk gc --yes"""
NOTES = """\
Looked through are DVC's cache, MLflow's pipeline runs, resume states, records of cells, journals that were sent,
unfinished files and copies of killed experiments. What git still has a name for is needed: every branch, tag and
stash, and every DVC experiment, be it kept, queued or failed. `dvc exp remove` and `dvc queue remove` let go of
those."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="remove it; without this it is shown only")
    parser.add_argument("--verbose", action="store_true", help="name each thing, and not only count them")


def run(options: argparse.Namespace) -> None:
    from resnetbk.housekeeping.collect import collect
    from resnetbk.pipeline.checkout import require_repository
    from resnetbk.repro.repository import main_root

    require_repository()
    found = collect(main_root(), remove=options.yes)
    kinds = defaultdict(list)
    for finding in found:
        kinds[finding.kind].append(finding)
        if options.verbose:
            print(f"{finding.kind}  {finding.name}  {_megabytes(finding.size)}")
    for kind, findings in kinds.items():
        print(f"{len(findings):6} x {kind}, {_megabytes(sum(finding.size for finding in findings))}")
    total = _megabytes(sum(finding.size for finding in found))
    if not found:
        print("Everything here is needed.")
    elif options.yes:
        print(f"Removed: {total}")
    else:
        print(f"Not needed: {total}. Nothing was removed; `resnetbk gc --yes` does")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
