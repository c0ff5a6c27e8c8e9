"""Read the corpus, deduplicate and split it by document, train the tokenizer, pack the tokens."""

from pathlib import Path

from resnetbk.stage import stage


def main(params) -> None:
    from resnetbk.data.prepare import prepare

    card = prepare(params.prepare, Path("data/corpus"))
    for split, facts in card["splits"].items():
        print(f"{split}: {facts['documents']:,} documents, {facts['tokens']:,} tokens, {facts['bytes']:,} bytes")


if __name__ == "__main__":
    stage(main)
