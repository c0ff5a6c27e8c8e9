"""check that a project has what it takes to be reproduced, and score it"""

from __future__ import annotations

import argparse
import json

EXAMPLE = "resnetbk validate path/to/project --minimum 80"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", nargs="?", default=".", metavar="PATH", help="the project's root (default: here)")
    parser.add_argument("--json", action="store_true", help="print the whole result as JSON")
    parser.add_argument("--minimum", type=_score, default=80, help="the score below which to fail (default: 80)")


def run(options: argparse.Namespace) -> int:
    """Print the checks and the score; return 1 on an error or below the minimum, else 0."""
    from resnetbk.errors import UserError
    from resnetbk.repro.validation import validate_template_structure

    try:
        validation = validate_template_structure(options.path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(str(error)) from error
    if options.json:
        print(json.dumps(validation.to_dict(), indent=2, ensure_ascii=False))
    else:
        for check in validation.checks:
            remark = {"failed": f" ({check.severity})", "not checked": " (not checked)"}.get(check.status, "")
            print(f"{check.earned:3}/{check.points} {check.name}{remark}")
            for problem in check.problems:
                print(f"       {problem}")
        print(f"{validation.score:3}/100")
    return int(bool(validation.errors) or validation.score < options.minimum)


def _score(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"expected 0 to 100, found {value}")
    return value
