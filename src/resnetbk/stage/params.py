"""The parameters as a stage may see them: those that dvc.yaml declares for it, and no other."""

from __future__ import annotations

from typing import Any

from resnetbk.errors import UserError
from resnetbk.params import Params
from resnetbk.stage.declaration import Declaration


def declares_all(declared: Declaration) -> bool:
    """Return whether a stage declares every section of params.yaml."""
    return set(Params.model_fields) <= set(declared.params)


def declared_params(params: Params, declared: Declaration) -> Params | DeclaredParams:
    """Return the parameters as a stage's work gets them; whole where it declares all, or promises nothing."""
    return DeclaredParams(params, declared) if declared.outs and not declares_all(declared) else params


class DeclaredParams:
    """A view of `Params`, or of a part of it, that refuses what is not declared.

    What is declared comes out as it is; a section of which only a part is declared, as such a view again.
    """

    def __init__(self, values: Any, declared: Declaration, prefix: str = "") -> None:
        self._values, self._declared, self._prefix = values, declared, prefix

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # copying and printing ask for these
            raise AttributeError(name)
        return self._get(name, getattr(self._values, name))

    def __getitem__(self, name: str) -> Any:
        return self._get(name, self._values[name])

    def _get(self, name: str, value: Any) -> Any:
        path = f"{self._prefix}{name}"
        if any(path == known or path.startswith(f"{known}.") for known in self._declared.params):
            return value
        if any(known.startswith(f"{path}.") for known in self._declared.params):
            return DeclaredParams(value, self._declared, f"{path}.")
        raise UserError(
            f"it reads {path} of params.yaml, which {self._declared.description} does not declare: a change of it "
            f"would not run the stage again. Add under {self._declared.stage}: params: in "
            f"{self._declared.description}\n      - {path}"
        )
