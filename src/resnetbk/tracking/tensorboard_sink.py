"""Running trainings in TensorBoard (`tensorboard --logdir .resnetbk/tensorboard`), an extra."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from resnetbk.errors import UserError
from resnetbk.tracking.journals import Record
from resnetbk.tracking.sink import Training

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class TensorBoardSink:
    """A `Sink` that writes a folder of events for each run: `folder`/<pipeline run>/<cell>."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise UserError("TensorBoard is not installed: pip install -e '.[tensorboard]'") from error
        self.folder, self._open = folder, SummaryWriter
        self._writers: dict[str, SummaryWriter] = {}

    def begin(self, training: Training, run: str | None) -> str:
        run = run or f"{training.asked.title}/{training.name}"
        words = training.tags | training.params
        table = "".join(f"| {name} | {text} |\n" for name, text in words.items())
        self._writer(run).add_text("run", f"| | |\n|---|---|\n{table}", walltime=training.begin["time"])
        return run

    def points(self, run: str, records: Sequence[Record]) -> None:
        writer = self._writer(run)
        for record in records:
            for name, value in record["metrics"].items():
                writer.add_scalar(name, value, record["step"], walltime=record["time"])
        writer.flush()

    def end(self, run: str, outcome: str, time: float) -> None:
        self._writer(run).add_text("outcome", outcome, walltime=time)
        self._writers.pop(run).close()

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()

    def _writer(self, run: str) -> SummaryWriter:
        if run not in self._writers:
            self._writers[run] = self._open(str(self.folder / run))
        return self._writers[run]
