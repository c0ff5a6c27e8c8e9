"""Train one model with one seed and write its weights, manifest and history."""

import time
from pathlib import Path

from resnetbk.stage import stage


def main(params, *, model: str, seed: int) -> None:
    from resnetbk.training.cell import train_cell

    start = time.monotonic()
    tokens = train_cell(params, model, seed, root=Path())

    from resnetbk.tracking.spool import record_cell  # only now: the manifest lists the code that trained

    record_cell(stage="train", model=model, seed=seed, seconds=time.monotonic() - start, tokens=tokens)


if __name__ == "__main__":
    stage(main)
