"""Train one model with one seed and write its weights, manifest and history."""

from pathlib import Path

from resnetbk.stage import stage


def main(params, *, model: str, seed: int) -> None:
    from resnetbk.training.cell import train_cell

    train_cell(params, model, seed, root=Path())


if __name__ == "__main__":
    stage(main)
