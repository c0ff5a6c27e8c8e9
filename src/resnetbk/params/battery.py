"""The schema of the section `battery`: what is asked of models beside the comparison. Empty lists ask nothing."""

from __future__ import annotations

from pydantic import model_validator

from resnetbk.params.section import Name, Section


class Battery(Section):
    """Tasks and their models; models of the run to stretch (`context`), to round (`quantise`), to stop early."""

    tasks: list[Name]
    task_models: list[Name]
    context_models: list[Name]
    quantise_models: list[Name]
    early_exit_models: list[Name]

    @model_validator(mode="after")
    def no_repeats(self) -> Battery:
        for key, names in self:
            if len(set(names)) != len(names):
                raise ValueError(f"{key} names one twice: {names}")
        return self
