"""Try one learning rate on one model, with every weight decay, and score the trials on the validation split."""

from pathlib import Path

from resnetbk.stage import stage


def main(params, *, model: str, learning_rate: float) -> None:
    from resnetbk.repro.files import write_json
    from resnetbk.tuning.trials import run_trials

    write_json(f"metrics/tune/{model}/{learning_rate}.json", run_trials(params, model, learning_rate, root=Path()))


if __name__ == "__main__":
    stage(main)
