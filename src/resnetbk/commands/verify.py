"""rebuild the last commit from nothing in a clone and compare every hash; or check the files of a path"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from resnetbk.commands.arguments import add_jobs

EXAMPLE = "resnetbk verify --jobs 2\nresnetbk verify models/mamba-0"


def configure(parser: argparse.ArgumentParser) -> None:
    add_jobs(parser)
    parser.add_argument(
        "path",
        nargs="?",
        type=Path,
        help="what to check instead: a directory with its manifest, a checkpoint, a trained cell, a corpus",
    )
    parser.add_argument("--manifest", type=Path, metavar="FILE", help="the directory's manifest, when elsewhere")
    parser.add_argument("--registry", type=Path, metavar="FILE", help="where the checkpoint was registered")
    parser.add_argument(
        "--certificate",
        type=Path,
        default=Path("report/certificate.json"),
        metavar="FILE",
        help="where to write what a rebuild found; a .md lies beside it",
    )
    parser.add_argument("--json", action="store_true", help="print what was found about the path as JSON")


def run(options: argparse.Namespace) -> int | None:
    if options.path is None:
        from resnetbk.pipeline import verify

        verify(options.jobs, options.certificate)
        return None

    from resnetbk.integrity import verify_path

    outcome = verify_path(options.path, manifest=options.manifest, registry=options.registry)
    if options.json:
        print(
            json.dumps({"path": str(options.path), "intact": outcome.intact, "details": outcome.details}, indent=2)
        )
    else:
        print(outcome.text)
    return 0 if outcome.intact else 1
