"""rebuild the last commit from nothing in a clone and compare every hash"""

from __future__ import annotations

import argparse

from resnetbk.commands.arguments import add_jobs

EXAMPLE = "resnetbk verify --jobs 2"


def configure(parser: argparse.ArgumentParser) -> None:
    add_jobs(parser)


def run(options: argparse.Namespace) -> None:
    from resnetbk.pipeline import verify

    verify(options.jobs)
