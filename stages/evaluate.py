"""Score one trained model on the test split: loss, perplexity, bits per byte, by document and by position."""

from pathlib import Path

from resnetbk.stage import stage


def main(params, *, model: str, seed: int) -> int:
    from resnetbk.evaluation.cell import evaluate_cell
    from resnetbk.repro.files import write_json
    from resnetbk.repro.levels import enforce

    enforce(params.run.determinism)
    scores = evaluate_cell(params, model, seed, root=Path())
    write_json(f"metrics/evaluate/{model}-{seed}.json", scores)
    return scores["tokens"]


def record(tokens: int, seconds: float, *, model: str, seed: int) -> None:
    from resnetbk.tracking.spool import record_cell

    record_cell(stage="evaluate", model=model, seed=seed, seconds=seconds, tokens=tokens)


if __name__ == "__main__":
    stage(main, record)
