"""The schema of params.yaml: types, ranges and names, checked before any work starts.

Import is light (no torch), so that a stage can read its parameters before it fixes the environment that
torch reads when it loads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError, model_validator
from ruamel.yaml import YAML, YAMLError

from resnetbk.errors import UserError
from resnetbk.params.battery import Battery
from resnetbk.params.comparison import Compare, Plot
from resnetbk.params.context import Context
from resnetbk.params.corpus import Prepare
from resnetbk.params.early_exit import EarlyExit
from resnetbk.params.evaluation import Evaluate
from resnetbk.params.faults import describe, near
from resnetbk.params.models import Model
from resnetbk.params.quantise import Quantise
from resnetbk.params.run import Run
from resnetbk.params.section import Name, Section
from resnetbk.params.tasks import Task
from resnetbk.params.training import Audit, Train, Tune

PARAMS_FILE = Path("params.yaml")


class ParamsError(UserError):
    """params.yaml holds something that no stage can use; the message names the key, the line and the cure."""


class Params(Section):
    run: Run
    prepare: Prepare
    models: dict[Name, Model]
    audit: Audit
    tune: Tune
    train: Train
    evaluate: Evaluate
    compare: Compare
    plot: Plot
    battery: Battery
    tasks: dict[Name, Task]
    context: Context
    quantise: Quantise
    early_exit: EarlyExit

    @model_validator(mode="after")
    def names_agree(self) -> Params:
        for name in self.run.models:
            if name not in self.models:
                raise ValueError(
                    f"run.models names {name!r}, which models does not describe{near(name, self.models)}"
                )
        if both := sorted({*self.tune.seeds} & {*self.run.seeds}):
            raise ValueError(
                f"tune.seeds has {', '.join(map(str, both))}, as run.seeds has; rates chosen on a seed fit it best"
            )
        for name, hypothesis in self.compare.hypotheses.items():
            for model in (hypothesis.model, hypothesis.against):
                if model not in self.models:
                    raise ValueError(
                        f"compare.hypotheses.{name} names {model!r}, which models does not describe"
                        f"{near(model, self.models)}"
                    )
        if self.compare.baseline not in self.run.models:
            raise ValueError(
                f"compare.baseline is {self.compare.baseline!r}, which run.models does not train"
                f"{near(self.compare.baseline, self.run.models)}"
            )
        for name in self.battery.tasks:
            if name not in self.tasks:
                raise ValueError(
                    f"battery.tasks names {name!r}, which tasks does not describe{near(name, self.tasks)}"
                )
        for key in ("task_models", "context_models", "quantise_models", "early_exit_models"):
            for name in getattr(self.battery, key):
                if name not in self.run.models:
                    raise ValueError(
                        f"battery.{key} names {name!r}, which run.models does not train, so that no audit "
                        f"vouches for it{near(name, self.run.models)}"
                    )
        return self


def load_params(path: Path = PARAMS_FILE) -> Params:
    """Read and check params.yaml.

    **Arguments:** `path`: the YAML file.
    **Returns:** the checked, frozen parameters.
    **Raises:** `ParamsError` with one line per fault: file, line, key, what was found, what was expected.
    """
    try:
        document = YAML(typ="rt").load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path}: not found; run from the repository's root") from None
    except YAMLError as error:
        raise ParamsError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise ParamsError(f"{path}: expected sections {', '.join(Params.model_fields)}; found {document!r}")
    try:
        return Params.model_validate(document)
    except ValidationError as error:
        faults = [describe(path, document, fault, json_schema()) for fault in error.errors()]
        raise ParamsError("\n".join(dict.fromkeys(faults))) from None


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of params.yaml (draft 2020-12), for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Params.model_json_schema()}
