"""Time and weigh the models and kernels on this machine; needs it quiet for a quarter of an hour."""

import os

from resnetbk.stage import stage


def main(params) -> None:
    from resnetbk.benchmark.page import render_page
    from resnetbk.benchmark.run import figures, run_benchmark
    from resnetbk.benchmark.settings import Settings
    from resnetbk.repro.files import write_bytes, write_json

    settings = Settings(
        models=params.models,
        model_budget=params.run.parameter_budget,
        threads=len(os.sched_getaffinity(0)),
    )
    details = run_benchmark(settings, say=print)
    write_json("metrics/benchmark_details.json", details)
    write_json("metrics/benchmark.json", figures(details))
    write_bytes("report/benchmark.html", render_page(details))


if __name__ == "__main__":
    stage(main, determinism="fast", description="benchmark/dvc.yaml")
