"""Trainings that did not happen: the journals that they would have left."""

import os
from unittest.mock import patch

from resnetbk.params import load_params
from resnetbk.tracking.journals import open_journals
from resnetbk.training.journal import new_journal


def write_journal(
    root, cell="mamba-0", *, steps=range(10, 61, 10), from_step=0, end="finished", loss=8.0, params=None, **facts
):
    """Write a journal by the real writer; the loss falls by one over 600 steps. Return its path.

    The parameters are those of the repository `root`, where it has some and no others are given.
    """
    model, seed = cell.rsplit("-", 1)
    header = {"stage": "train", "cell": cell, "model": model, "seed": int(seed), "steps": 600}
    if params is None and (root / "params.yaml").exists():
        params = load_params(root / "params.yaml")
    told = params.model_dump_json() if params else "null"
    with patch.dict(os.environ, RESNETBK_PARAMS=told):  # as `stage` sets it
        journal = new_journal(root, {**header, "tokens_per_step": 1024, **facts})
    before = set(open_journals(root))
    journal.begin(from_step)
    for step in steps:
        journal.points(
            step,
            1024 * step,
            {"train/loss": loss - step / 600, "train/learning_rate": 1e-3, "time/forward_seconds": 0.25},
        )
    if end:
        journal.end(end, steps[-1])
    journal.close()
    (path,) = set(open_journals(root)) - before
    return path
