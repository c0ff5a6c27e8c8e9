"""Arguments that several subcommands take."""

from __future__ import annotations

import argparse
import os


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Add `--jobs`: how many cells run at once."""
    parser.add_argument("--jobs", type=positive, default=os.cpu_count(), help="cells at once (default: CPUs)")


def positive(text: str) -> int:
    """Read a count of one or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {value}")
    return value
