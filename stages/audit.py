"""Audit one model before it trains: causality, alignment, normalisation, split leakage, live gradients."""

from pathlib import Path

from resnetbk.stage import stage


def main(params, *, model: str) -> None:
    from resnetbk.audit.runner import audit_model
    from resnetbk.data.corpus import Corpus
    from resnetbk.repro.files import write_json
    from resnetbk.repro.levels import enforce

    enforce(params.run.determinism)
    report = audit_model(params, model, Corpus.open(Path("data/corpus")))
    write_json(f"metrics/audit/{model}.json", report)


if __name__ == "__main__":
    stage(main)
