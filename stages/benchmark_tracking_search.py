"""Time the calls of MLflow's pages to a server with a thousand runs, for which the machine should be idle."""

from pathlib import Path

from resnetbk.stage import stage


def main(params) -> None:
    from resnetbk.benchmark.record import write_record
    from resnetbk.benchmark.tracking_search import TARGETS, SearchSettings, run_search_benchmark, search_figures
    from resnetbk.repro.repository import main_root
    from resnetbk.tracking.results import read_pipeline
    from resnetbk.tracking.source import Source

    pattern = read_pipeline(params, Source.here(Path(), main_root())).cells
    details = run_search_benchmark(pattern, SearchSettings(), say=print)
    write_record("benchmark_tracking_search", details, search_figures(details), TARGETS)


if __name__ == "__main__":
    stage(main, determinism="fast", description="benchmark/dvc.yaml")
