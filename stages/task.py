"""Tune, train and test one model on one task whose answers are known."""

from pathlib import Path

from resnetbk.stage import stage


def main(params, *, task: str, model: str) -> None:
    from resnetbk.repro.files import write_json
    from resnetbk.tasks.cell import task_cell

    write_json(f"metrics/tasks/{task}-{model}.json", task_cell(params, task, model, root=Path()))


if __name__ == "__main__":
    stage(main)
