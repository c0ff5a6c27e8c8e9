"""Running trainings in Weights & Biases. Needs the extra `wandb`; WANDB_MODE=offline keeps them on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from resnetbk.errors import UserError
from resnetbk.repro.files import sha256_json
from resnetbk.tracking.journals import Record
from resnetbk.tracking.location import PROJECT
from resnetbk.tracking.sink import Training

if TYPE_CHECKING:
    from wandb import Run

EXIT_CODES = {"finished": 0}  # of the rest: 1, which the pages show as a failure


class WandbSink:
    """A `Sink` that keeps a W&B run for each training, those of a pipeline run in one group."""

    def __init__(self, folder: Path) -> None:
        try:
            import wandb
        except ImportError as error:
            raise UserError("Weights & Biases is not installed: pip install -e '.[wandb]'") from error
        self._wandb, self._folder = wandb, folder
        self._runs: dict[str, Run] = {}

    def begin(self, training: Training, run: str | None) -> str:
        run = run or sha256_json([training.asked.key, training.name, training.begin["journal"]])[:16]
        group, tags = training.asked.title, training.tags
        self._open(run, name=training.name, group=group, config=tags | training.params)
        return run

    def points(self, run: str, records: Sequence[Record]) -> None:
        opened = self._open(run)
        for record in records:
            opened.log({**record["metrics"], "time": record["time"]}, step=record["step"])

    def end(self, run: str, outcome: str, time: float) -> None:
        opened = self._open(run)
        opened.summary["outcome"] = outcome
        opened.finish(exit_code=EXIT_CODES.get(outcome, 1))
        del self._runs[run]

    def close(self) -> None:
        for run in self._runs.values():
            run.finish()

    def _open(self, run: str, **facts: object) -> Run:
        if run not in self._runs:
            self._folder.mkdir(parents=True, exist_ok=True)
            settings = self._wandb.Settings(
                console="off", disable_git=True, disable_code=True, x_disable_stats=True, x_save_requirements=False
            )
            self._runs[run] = self._wandb.init(
                project=PROJECT,
                id=run,
                resume="allow",
                reinit="create_new",
                dir=self._folder,
                settings=settings,
                **facts,
            )
        return self._runs[run]
