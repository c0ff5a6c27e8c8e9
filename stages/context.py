"""Ask one trained model beyond its training length: longer windows, streams, other text, how far it sees."""

from pathlib import Path

from resnetbk.stage import stage


def main(params, *, model: str, seed: int) -> None:
    from resnetbk.evaluation.context_cell import context_cell
    from resnetbk.repro.files import write_json
    from resnetbk.repro.levels import enforce

    enforce(params.run.determinism)
    write_json(f"metrics/context/{model}-{seed}.json", context_cell(params, model, seed, root=Path()))


if __name__ == "__main__":
    stage(main)
