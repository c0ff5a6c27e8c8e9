"""Time a training step of every model of the run on this machine, which should be idle for two minutes."""

from pathlib import Path

from resnetbk.stage import stage


def main(params) -> None:
    from resnetbk.benchmark.cells import time_cells
    from resnetbk.comparison.timings import TIMINGS_FILE
    from resnetbk.data.corpus import Corpus
    from resnetbk.repro.files import write_json

    card = Corpus.open(Path("data/corpus")).card
    tokens = card["splits"]["train"]["tokens_sha256"]
    write_json(TIMINGS_FILE, time_cells(params, vocabulary_size=card["vocabulary_size"], tokens=tokens))


if __name__ == "__main__":
    stage(main, determinism="fast", description="benchmark/dvc.yaml")
