"""Does the seed of params.yaml arrive at a generator? Followed by names, from function to function."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from resnetbk.repro.validation.project import Project
from resnetbk.repro.validation.random_calls import is_generator, seeds
from resnetbk.repro.validation.value_flow import Flow

SEED = re.compile(r"(^|_)seeds?$")
TEMPLATE = r"--([\w-]+)[= ]+\$\{([\w.]+)\}"


def seed_reaches_a_generator(project: Project) -> list[str]:
    """Find a seed in params.yaml that is read and passed on to a call that seeds a generator."""
    keys = sorted(set(_seed_keys(project.params)))
    if not keys:
        return ["params.yaml: no key is a seed (seed, seeds or ..._seed); add one and read it"]
    sinks = [call for call in project.code.calls if is_generator(call) or seeds(call)]
    flow = Flow(project.code, {*keys, *_options(project)})
    if any(flow.carries(call.scope, argument) for call in sinks for argument in arguments(call.node)):
        return []
    return [
        f"params.yaml: {', '.join(keys)} arrives at no generator: pass it to set_global_seed, "
        "numpy.random.default_rng or torch.Generator().manual_seed in stages/ or src/"
    ]


def arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _seed_keys(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _seed_keys(inner, str(key))
    elif SEED.search(name):
        yield name


def _options(project: Project) -> set[str]:
    """Return the command-line options that dvc.yaml fills from a seed, directly or by its matrix or foreach."""
    options = set()
    _ = project.stages  # so that DVC has read them without complaint
    for stage in (project.mapping("dvc.yaml").get("stages") or {}).values():
        axes = {f"item.{axis}": source for axis, source in stage.get("matrix", {}).items()}
        axes["item"] = stage.get("foreach", "")
        for option, source in re.findall(TEMPLATE, str(stage.get("do", stage).get("cmd", ""))):
            if SEED.search(str(axes.get(source, source)).strip("${}").rpartition(".")[2]):
                options.add(option.replace("-", "_"))
    return options
