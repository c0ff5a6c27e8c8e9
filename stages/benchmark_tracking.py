"""Time what tracking costs a training on this machine, which should be idle for four minutes."""

from pathlib import Path

from resnetbk.stage import stage


def main(params) -> None:
    from resnetbk.benchmark.reproducibility import compare_with_targets
    from resnetbk.benchmark.tracking import TARGETS, run_tracking_benchmark, tracking_figures
    from resnetbk.repro.files import write_json
    from resnetbk.repro.levels import enforce

    enforce(params.run.determinism)
    details = run_tracking_benchmark(params, root=Path(), say=print)
    figures = tracking_figures(details)
    write_json("metrics/benchmark_tracking_details.json", details)
    write_json("metrics/benchmark_tracking.json", figures)
    print(*compare_with_targets(figures, TARGETS), sep="\n")


if __name__ == "__main__":
    stage(main, description="benchmark/dvc.yaml")
