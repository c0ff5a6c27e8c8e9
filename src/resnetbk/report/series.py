"""From measured rows to the lines of a figure: the running mean in one seed, the mean and the spread over seeds.

Means are `statistics.fmean`, correctly rounded: their bits depend neither on the order of the rows nor on the CPU.
"""

from __future__ import annotations

from statistics import fmean

import pandas as pd


def running_mean(frame: pd.DataFrame, value: str, window: int) -> pd.DataFrame:
    """Replace a column by its mean over the last `window` rows of the same model and seed.

    **Arguments:** `frame`: columns model, seed and `value`, rows in the order of training; `window`: rows, 1 or
    more. The first rows, which have fewer before them, are means over what there is.
    **Returns:** a frame of the same rows and columns.
    """
    smooth = frame.copy()
    smooth[value] = frame.groupby(["model", "seed"], sort=False)[value].transform(
        lambda column: [fmean(column[max(0, end - window) : end]) for end in range(1, len(column) + 1)]
    )
    return smooth


def spread(frame: pd.DataFrame, along: list[str], value: str) -> pd.DataFrame:
    """Summarise a value over seeds.

    **Arguments:** `frame`: columns model, seed, `along` and `value`; `along`: the columns that name a point.
    **Returns:** columns model, `along`, mean, lowest, highest, seeds (their number); rows in the order of `frame`.
    """
    groups = frame.groupby(["model", *along], sort=False)[value]
    return groups.agg(mean=lambda values: fmean(values), lowest="min", highest="max", seeds="count").reset_index()
