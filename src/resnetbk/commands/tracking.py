"""show trainings in MLflow, TensorBoard or W&B while they run; fill MLflow again from versioned files"""

from __future__ import annotations

import argparse

EXAMPLE = "resnetbk tracking send --follow\nresnetbk tracking rebuild"


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True)
    send = verbs.add_parser(
        "send",
        help="send what trainings have written so far",
        description="Send what trainings have written so far to the trackers that RESNETBK_TRACKERS names "
        "(mlflow, tensorboard, wandb; commas between them; default: mlflow). What is not taken is sent next time.",
    )
    send.add_argument("--follow", action="store_true", help="go on until Ctrl-C or SIGTERM")
    send.add_argument("--process", type=int, metavar="PID", help="with --follow: until this process has ended")
    rebuild = verbs.add_parser(
        "rebuild",
        help="send the results of every commit and DVC experiment to MLflow again",
        description="Send the results of every commit, every DVC experiment and the working tree to MLflow; what "
        "is there is left alone. Only what a clock measured cannot be restored.",
    )
    rebuild.add_argument(
        "--rev", action="append", metavar="REV", help="only this commit or experiment; repeatable"
    )


def run(options: argparse.Namespace) -> int:
    if options.verb == "rebuild":
        from resnetbk.tracking.rebuild import rebuild

        return 0 if rebuild(options.rev) else 1
    return _send(options)


def _send(options: argparse.Namespace) -> int:
    import signal
    import sys
    import threading

    from resnetbk.repro.repository import main_root
    from resnetbk.tracking.live import follow, open_senders, send_once, until, wanted_trackers

    senders = open_senders(wanted_trackers(), main_root())
    if options.follow:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # `follower` starts it blocked
        failed = follow(senders, until(stop, options.process))
    else:
        failed = send_once(senders)
    for sender in senders:
        sender.close()
    if failed:
        rest = "Nothing is lost: .resnetbk/live holds it. To send the rest: resnetbk tracking send"
        print(*(f"WARNING: {message}" for message in failed), rest, sep="\n", file=sys.stderr)
    return 1 if failed else 0
