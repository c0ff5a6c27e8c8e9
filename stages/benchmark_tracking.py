"""Time what tracking costs a training on this machine, which should be idle for four minutes."""

from pathlib import Path

from resnetbk.stage import stage


def main(params) -> None:
    from resnetbk.benchmark.record import write_record
    from resnetbk.benchmark.tracking import TARGETS, run_tracking_benchmark, tracking_figures
    from resnetbk.repro.levels import enforce

    enforce(params.run.determinism)
    details = run_tracking_benchmark(params, root=Path(), say=print)
    write_record("benchmark_tracking", details, tracking_figures(details), TARGETS)


if __name__ == "__main__":
    stage(main, description="benchmark/dvc.yaml")
