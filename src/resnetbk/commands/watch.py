"""show the cells of a running pipeline, their progress, losses and time left, until it is done"""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLE = "resnetbk watch\nresnetbk watch --once"
NOTES = (
    "It changes nothing and may be started and stopped (Ctrl-C) at any time, beside `make reproduce`, `dvc repro` "
    "or the queue's workers, whose copies of the repository it shows too. Where the output is no terminal it "
    "prints once."
)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="print what is to be seen now, and end")
    parser.add_argument("--interval", type=_seconds, default=1.0, help="seconds between looks (default: 1)")


def run(options: argparse.Namespace) -> None:
    import time

    from rich.console import Console
    from rich.live import Live

    from resnetbk.watch import Watcher
    from resnetbk.watch.view import draw

    console = Console(highlight=False)
    watcher = Watcher(Path.cwd())
    if options.once or not console.is_terminal:
        console.print(draw(watcher.look(), time.time(), bars=False))
        return
    with console.status("Reading dvc.yaml ..."):
        trees = watcher.look()
    try:
        with Live(console=console, auto_refresh=False) as live:
            while True:
                live.update(draw(trees, time.time(), bars=True), refresh=True)
                if not any(tree.count("waiting") + tree.count("running") for tree in trees):
                    return
                time.sleep(options.interval)
                trees = watcher.look()
    except KeyboardInterrupt:
        return


def _seconds(text: str) -> float:
    value = float(text)
    if not 0.1 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"expected 0.1 to 3600, found {value:g}")
    return value
