"""Running trainings in TensorBoard (`tensorboard --logdir .resnetbk/tensorboard`), an extra."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from resnetbk.errors import UserError
from resnetbk.tracking.journals import Record
from resnetbk.tracking.sink import Training

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter


class TensorBoardSink:
    """A `Sink` that writes a folder of events for each run: `folder`/<pipeline run>/<cell>."""

    def __init__(self, folder: Path) -> None:
        if not _installed():
            raise UserError("TensorBoard is not installed: pip install -e '.[tensorboard]'")
        self.folder = folder
        self._writers: dict[str, EventFileWriter] = {}

    def begin(self, training: Training, run: str | None) -> str:
        run = run or f"{training.asked.title}/{training.name}"
        words = training.tags | training.params
        table = "".join(f"| {name} | {text} |\n" for name, text in words.items())
        self._text(run, "run", f"| | |\n|---|---|\n{table}", training.begin["time"])
        return run

    def points(self, run: str, records: Sequence[Record]) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        for record in records:
            values = [Summary.Value(tag=name, simple_value=value) for name, value in record["metrics"].items()]
            self._add(run, Summary(value=values), record["time"], record["step"])
        self._writer(run).flush()

    def end(self, run: str, outcome: str, time: float) -> None:
        self._text(run, "outcome", outcome, time)
        self._writers.pop(run).close()

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()

    def _text(self, run: str, tag: str, text: str, time: float) -> None:
        from tensorboard.plugins.text.summary_v2 import text_pb

        self._add(run, text_pb(tag, text), time)

    def _add(self, run: str, summary: Summary, time: float, step: int = 0) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._writer(run).add_event(Event(wall_time=time, step=step, summary=summary))

    def _writer(self, run: str) -> EventFileWriter:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        if run not in self._writers:
            self._writers[run] = EventFileWriter(str(self.folder / run))
        return self._writers[run]


def _installed() -> bool:
    try:
        return importlib.util.find_spec("tensorboard") is not None
    except ValueError:  # a module that was taken out on purpose
        return False
