"""Shows running trainings in the trackers that are asked for, beside them and never in their way.

RESNETBK_TRACKERS names the trackers, with commas between them; without it there is MLflow.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from pydantic import ValidationError

from resnetbk import presets
from resnetbk.errors import UserError
from resnetbk.params import Params
from resnetbk.params.faults import near
from resnetbk.repro.repository import main_root
from resnetbk.tracking.cell import cell_params
from resnetbk.tracking.journals import Record
from resnetbk.tracking.location import tracking_uri
from resnetbk.tracking.pipeline_run import params_key, pipeline_run
from resnetbk.tracking.secrets import without_secrets
from resnetbk.tracking.sender import Sender
from resnetbk.tracking.sink import Training
from resnetbk.tracking.trials import trial_name

VARIABLE, TRACKERS = "RESNETBK_TRACKERS", ("mlflow", "tensorboard", "wandb")
INTERVAL = 2.0  # seconds between two looks at the journals
LONGEST_INTERVAL = 60.0  # seconds between them while a server is down
FAREWELL = 60.0  # seconds that a follower has for the rest, once what it follows has ended


def wanted_trackers() -> tuple[str, ...]:
    """Return the trackers that RESNETBK_TRACKERS names.

    **Raises:** `UserError` for one that does not exist.
    """
    names = tuple(name.strip() for name in os.environ.get(VARIABLE, "mlflow").split(",") if name.strip())
    for name in names:
        if name not in TRACKERS:
            raise UserError(f"{VARIABLE}: no tracker is called {name!r}{near(name, TRACKERS)}")
    return names


def wanted_live() -> bool:
    """Return whether the environment asks for live runs: it names a server or trackers."""
    return bool(os.environ.get("MLFLOW_TRACKING_URI") or os.environ.get(VARIABLE))


def open_senders(names: Sequence[str], main: Path) -> list[Sender]:
    """Return a sender for each tracker of the main repository `main`.

    **Raises:** `UserError` when a tracker's library is not installed.
    """
    return [_sender(name, main) for name in names]


def send_once(senders: Sequence[Sender]) -> list[str]:
    """Send all that is new; return a message for each tracker that did not take it."""
    failed = []
    for sender in senders:
        try:
            sender.drain()
        except Exception as error:  # whatever ails a tracker: its journals keep what it has not taken
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            failed.append(without_secrets(f"{sender.name} does not take the journals: {reason[:300]}"))
    return failed


def follow(senders: Sequence[Sender], over: Callable[[float], bool]) -> list[str]:
    """Send what is new again and again, each outage being one warning, and once more when it is over.

    **Arguments:** `over(seconds)`: waits so long, or until all is over; whether it is.
    **Returns:** a message for each tracker that did not take the rest.
    """
    interval, down = INTERVAL, False
    while not over(interval):
        failed = send_once(senders)
        if failed and not down:
            print(*(f"WARNING: {message}. Trying again" for message in failed), sep="\n", file=sys.stderr)
        down = bool(failed)
        interval = min(2 * interval, LONGEST_INTERVAL) if down else INTERVAL
    return send_once(senders)


def until(stop: threading.Event, process: int | None) -> Callable[[float], bool]:
    """Return a waiting that is over when `stop` is set, or the process with that id has ended."""

    def over(seconds: float) -> bool:
        return stop.wait(seconds) or (process is not None and not psutil.pid_exists(process))

    return over


@contextmanager
def follower(live: bool) -> Iterator[None]:
    """Keep a process beside the block that sends journals as they grow; nothing where it is not `live`.

    The process is in a session of its own: Ctrl-C ends the trainings first, and it sends how they ended.
    """
    if not live:
        yield
        return
    command = [sys.executable, "-m", "resnetbk.cli", "tracking", "send", "--follow", "--process", str(os.getpid())]
    # It inherits that SIGTERM waits: one that comes before it is ready to take it must not be its end.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(FAREWELL)
        except subprocess.TimeoutExpired:  # a server that hangs; what it has not taken stays in the journals
            process.kill()
            process.wait()


def describe(begin: Record) -> Training:
    """Return what is known of a training whose journal begins so."""
    params = _params(begin)
    asked = pipeline_run(
        params_key(params) if params else "",
        preset=presets.matching(params, main_root() / presets.DIRECTORY) if params else None,
        experiment=begin["experiment"],
    )
    return Training(asked, _name(begin), begin, cell_params(params, begin["model"]) if params else {})


def _params(begin: Record) -> Params | None:
    """Return the parameters of a training; None for a journal without them, or with those of another schema."""
    try:
        return Params.model_validate(begin["params"])
    except ValidationError:
        return None


def _name(begin: Record) -> str:
    if begin["stage"] == "train":
        return begin["cell"]
    return trial_name(begin["model"], begin["trial"], begin["seed"])


def _sender(name: str, main: Path) -> Sender:
    if name == "mlflow":
        from resnetbk.tracking.mlflow_sink import MlflowSink

        return Sender(main, name, tracking_uri(main), MlflowSink.here(), describe)
    if name == "tensorboard":
        from resnetbk.tracking.tensorboard_sink import TensorBoardSink

        sink = TensorBoardSink(main / ".resnetbk/tensorboard")
        return Sender(main, name, str(sink.folder), sink, describe)
    from resnetbk.tracking.wandb_sink import WandbSink

    return Sender(main, name, os.environ.get("WANDB_BASE_URL", ""), WandbSink(main / ".resnetbk"), describe)
