"""Score unigram and bigram models of the train split on the test split."""

from pathlib import Path

from resnetbk.stage import stage


def main(params) -> None:
    from resnetbk.data.corpus import Corpus
    from resnetbk.evaluation.ngrams import ngram_baselines
    from resnetbk.repro.files import write_json

    corpus = Corpus.open(Path("data/corpus"))
    baselines = ngram_baselines(corpus.split("train"), corpus.split("test"), corpus.vocabulary_size)
    write_json("metrics/baselines.json", baselines)


if __name__ == "__main__":
    stage(main)
