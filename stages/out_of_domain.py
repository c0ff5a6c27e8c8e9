"""Encode text of another kind than the run's with the run's tokenizer."""

from pathlib import Path

from resnetbk.stage import stage


def main(params) -> None:
    from resnetbk.data.corpus import Corpus
    from resnetbk.evaluation.prepare_out_of_domain import prepare_out_of_domain, texts_of_the_catalogue

    prepare_out_of_domain(
        texts_of_the_catalogue(params.context.out_of_domain),
        Corpus.open("data/corpus"),
        Path("data/out_of_domain"),
        tokens=params.context.out_of_domain_tokens,
    )


if __name__ == "__main__":
    stage(main)
