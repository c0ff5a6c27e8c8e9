"""What the sections of params.yaml share: strictness, and the types of their values."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Rate = Annotated[float, Field(gt=0, lt=1)]
Decay = Annotated[float, Field(ge=0)]
Seed = Annotated[int, Field(ge=0)]


class Section(BaseModel):
    """A mapping of params.yaml: no unknown key, no change once it is read, no infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
