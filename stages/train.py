"""Train one model with one seed and write its weights, manifest and history."""

import sys
from pathlib import Path
from typing import Any

from resnetbk.stage import stage


def main(params, *, model: str, seed: int) -> dict[str, Any] | None:
    from resnetbk.training.cell import train_cell
    from resnetbk.training.launch import relaunched
    from resnetbk.training.world import World

    if relaunched("stages.train", sys.argv[1:], parts=params.train.accumulation):
        return None
    with World.from_environment() as world:
        tokens = train_cell(params, model, seed, root=Path(), world=world)
    return {"tokens": tokens, "extra": {"processes": world.size}} if world.first else None


def record(made: dict[str, Any], seconds: float, *, model: str, seed: int) -> None:
    from resnetbk.tracking.spool import record_cell

    record_cell(stage="train", model=model, seed=seed, seconds=seconds, **made)


if __name__ == "__main__":
    stage(main, record)
