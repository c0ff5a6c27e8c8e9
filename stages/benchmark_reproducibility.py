"""Time what reproducibility costs on this machine, which should be idle for three minutes."""

import os

from resnetbk.stage import stage


def main(params) -> None:
    from resnetbk.benchmark.record import write_record
    from resnetbk.benchmark.reproducibility import (
        MODELS,
        TARGETS,
        ReproducibilitySettings,
        reproducibility_figures,
        run_reproducibility_benchmark,
    )

    settings = ReproducibilitySettings(
        models={name: params.models[name] for name in MODELS},
        parameter_budget=params.run.parameter_budget,
        batch=params.train.batch_size,
        length=params.train.length,
        checkpoint_interval=params.train.checkpoint_interval,
        threads=len(os.sched_getaffinity(0)),
    )
    details = run_reproducibility_benchmark(settings, say=print)
    write_record("benchmark_reproducibility", details, reproducibility_figures(details), TARGETS)


if __name__ == "__main__":
    stage(main, determinism="fast", description="benchmark/dvc.yaml")
