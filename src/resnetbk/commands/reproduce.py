"""bring the whole pipeline up to date, several cells at a time"""

from __future__ import annotations

import argparse

from resnetbk.commands.arguments import add_jobs

EXAMPLE = "resnetbk reproduce --jobs 2"


def configure(parser: argparse.ArgumentParser) -> None:
    add_jobs(parser)


def run(options: argparse.Namespace) -> None:
    from resnetbk.pipeline import reproduce

    reproduce(options.jobs)
