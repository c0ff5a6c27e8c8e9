"""Score one trained model with weights and activations of fewer bits."""

from pathlib import Path

from resnetbk.stage import stage


def main(params, *, model: str, seed: int) -> None:
    from resnetbk.evaluation.quantise_cell import quantise_cell
    from resnetbk.repro.files import write_json
    from resnetbk.repro.levels import enforce

    enforce(params.run.determinism)
    write_json(f"metrics/quantise/{model}-{seed}.json", quantise_cell(params, model, seed, root=Path()))


if __name__ == "__main__":
    stage(main)
