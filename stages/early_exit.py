"""Score one trained model at every depth, and where each token leaves once it is sure."""

from pathlib import Path

from resnetbk.stage import stage


def main(params, *, model: str, seed: int) -> None:
    from resnetbk.evaluation.early_exit_cell import early_exit_cell
    from resnetbk.repro.files import write_json
    from resnetbk.repro.levels import enforce

    enforce(params.run.determinism)
    write_json(f"metrics/early_exit/{model}-{seed}.json", early_exit_cell(params, model, seed, root=Path()))


if __name__ == "__main__":
    stage(main)
