"""A pipeline run's results, read from the files that its stages left: what `track` and `tracking rebuild` send."""

from __future__ import annotations

from dataclasses import replace

from resnetbk import presets
from resnetbk.params import Params
from resnetbk.tracking.battery import read_battery
from resnetbk.tracking.cell import read_cell
from resnetbk.tracking.comparison import read_comparison
from resnetbk.tracking.mlflow_pipeline import TrackedPipeline
from resnetbk.tracking.pipeline_run import params_key, pipeline_run
from resnetbk.tracking.source import Source
from resnetbk.tracking.trials import read_trials


def read_pipeline(params: Params, source: Source) -> TrackedPipeline:
    """Read the results of every trial, of every cell, of the battery and of the comparison.

    **Raises:** `UserError` when a file that an earlier stage makes is missing or broken.
    """
    asked = pipeline_run(
        params_key(params),
        preset=presets.matching(params, source.main / presets.DIRECTORY),
        experiment=source.experiment,
        baseline=source.baseline,
    )
    cells = [
        read_cell(params, model, seed, source=source, asked=asked)
        for model in params.run.models
        for seed in params.run.seeds
    ]
    best = min(cells, key=lambda cell: cell.model.validation_loss)
    cells = [cell if cell is best else replace(cell, model=None) for cell in cells]
    return TrackedPipeline(
        asked,
        read_comparison(params, source=source, asked=asked),
        cells,
        [
            *read_trials(params, source=source, asked=asked),
            *read_battery(params, source=source, asked=asked),
        ],
    )
