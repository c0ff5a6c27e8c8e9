"""metrics/scaling.json: comparisons of other sizes, collected from the commits and experiments that hold them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from resnetbk.report.shapes.shape import Count, Loss, Positive, Shape


class SizedModel(Shape):
    """A model of one size; parameters are those beside the embeddings."""

    parameters: Annotated[int, Field(gt=0)]
    loss: Positive
    loss_by_seed: Annotated[list[Loss], Field(min_length=1)]


class SizedRun(Shape):
    """One comparison: the commit that holds it, and the SHA-256 of its metrics/comparison.json."""

    commit: str
    sha256: str
    documents: Count
    models: dict[str, SizedModel]


class Scaling(Shape):
    runs: list[SizedRun]
