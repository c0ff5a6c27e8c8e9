"""say why two recorded runs differ: code, params, data, environment; or the first tensor where they part"""

from __future__ import annotations

import argparse
import sys

EXAMPLE = "resnetbk explain 0f427c04 3b469cad --bisect"
NOTES = (
    "Exit code 0: their results are identical; 1: they differ; 2: that could not be told. With --bisect it runs "
    "the code of both, recorded diffs included."
)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_a", help="MLflow's id of a cell's run, or its first digits")
    parser.add_argument("run_b", help="the run to compare it with")
    parser.add_argument("--tracking-uri", help="where MLflow is (default: MLFLOW_TRACKING_URI, else mlflow.db)")
    parser.add_argument(
        "--bisect", action="store_true", help="run both again and name the first step and tensor that differ"
    )


def run(options: argparse.Namespace) -> int:
    from resnetbk.replay.bisect import bisect
    from resnetbk.replay.errors import NotCheckable
    from resnetbk.replay.explain import explain
    from resnetbk.replay.fetch import fetched

    try:
        with fetched(options.run_a, options.run_b, uri=options.tracking_uri) as (first, second):
            explanation = explain(first, second)
            print(explanation)
            if options.bisect and explanation.results:
                print(bisect(first, second))
    except (NotCheckable, OSError) as error:  # a full disk, a read-only folder
        print(f"COULD NOT BE CHECKED: {error}", file=sys.stderr)
        return 2
    return 1 if explanation.results else 0
