"""Is every key of params.yaml some stage's, and read by code?"""

from __future__ import annotations

import ast
import re

from resnetbk.repro.validation.determinism import leaves
from resnetbk.repro.validation.project import Project


def params_used(project: Project) -> list[str]:
    """Name each key of params.yaml that no stage declares, or whose name no code reads."""
    stages = project.stages
    declared = {key for stage in stages for key in stage.params}
    declared |= set(re.findall(r"\$\{([\w.]+)\}", project.text("dvc.yaml")))
    read = _names_read(project)
    problems = []
    for key, _ in leaves(project.params):
        if not any(key == name or key.startswith(f"{name}.") for name in declared):
            problems.append(f"params.yaml: {key} is no stage's: add it to params in dvc.yaml, or remove it")
        elif key.rpartition(".")[2] not in read and not re.search(
            rf"\$\{{{re.escape(key)}\}}", project.text("dvc.yaml")
        ):
            problems.append(f"params.yaml: {key} is read by no code in stages/ and src/")
    return problems


def _names_read(project: Project) -> set[str]:
    """Return every name by which code could read a key: attributes, strings, parameters and keywords."""
    read = set()
    for source in project.code.sources.values():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Attribute):
                read.add(node.attr)
            elif isinstance(node, ast.arg | ast.keyword):
                read.add(node.arg)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                read.add(node.value)
    return read
