"""Set every model against the baseline and say who has the lower loss, if that can be said."""

from resnetbk.stage import stage


def main(params) -> None:
    from resnetbk.comparison.outcome import compare, flat_metrics
    from resnetbk.repro.files import write_json

    comparison = compare(params)
    write_json("metrics/comparison.json", comparison)
    write_json("metrics/summary.json", flat_metrics(comparison))
    print(comparison["summary"])


if __name__ == "__main__":
    stage(main)
