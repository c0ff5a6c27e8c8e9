"""Is a level of determinism that promises something in force in each stage that computes?"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from resnetbk.repro.validation.project import Project
from resnetbk.repro.validation.random_calls import from_toolkit
from resnetbk.repro.validation.source import Call, Code
from resnetbk.repro.validation.stage_scripts import stage_scripts

ENFORCING = frozenset(
    {"enforce", "enable_deterministic_mode", "DeterministicContext", "set_global_seed", "SeedContext"}
)
TOOLKIT = "resnetbk.repro"


def level_promises_bits(project: Project) -> list[str]:
    """Find where a level is given that promises nothing: `fast`, in params.yaml or in the code."""
    wrong = [f"params.yaml: {key} is fast" for key, value in leaves(project.params) if value == "fast"]
    levels = [
        (call, argument.value)
        for call in project.code.calls
        if from_toolkit(call.dotted, frozenset({"pin_environment", "enforce"}))
        for argument in call.node.args
        if isinstance(argument, ast.Constant)
    ]
    wrong += [f"{call.place}: {call.last} is given the level fast" for call, level in levels if level == "fast"]
    return [f"{problem}, which promises no bits: choose portable or machine" for problem in wrong]


def deterministic_algorithms(project: Project) -> list[str]:
    """Find stages that use torch and never ask it for deterministic algorithms, and code that asks for others."""
    code = project.code
    problems = [
        f"{call.place}: {call.last}(False) lets torch choose algorithms whose bits vary"
        for call in code.calls
        if call.dotted == "torch.use_deterministic_algorithms"
        and _first(call) is False
        and not call.scope.source.module.startswith(TOOLKIT)
    ]
    for script in stage_scripts(project):
        modules = set(_reached(code, script.source.module))
        own = (code.sources[module] for module in modules if not module.startswith(TOOLKIT))
        uses_torch = any(name.split(".")[0] == "torch" for source in own for name in source.imports)
        calls = (call for call in code.calls if call.scope.source.module in modules)
        if uses_torch and not any(_enforces(call) for call in calls):
            problems.append(
                f"{script.source.path}: uses torch, and nothing that it imports calls resnetbk.repro's enforce or "
                "set_global_seed, or torch.use_deterministic_algorithms(True)"
            )
    return problems


def _enforces(call: Call) -> bool:
    """Return whether a call turns deterministic algorithms on; that the toolkit can do so does not count."""
    if call.scope.source.module.startswith(TOOLKIT):
        return False
    off = any(
        keyword.arg == "deterministic" and isinstance(keyword.value, ast.Constant) and not keyword.value.value
        for keyword in call.node.keywords
    )
    if from_toolkit(call.dotted, ENFORCING):
        return not off
    return call.dotted == "torch.use_deterministic_algorithms" and _first(call) is True


def _first(call: Call) -> Any:
    return call.node.args[0].value if call.node.args and isinstance(call.node.args[0], ast.Constant) else None


def _reached(code: Code, module: str) -> Iterator[str]:
    """Yield the project's modules that one imports, directly or through others, at any time."""
    seen, todo = set(), [module]
    while todo:
        module = todo.pop()
        if module in code.sources and module not in seen:
            seen.add(module)
            yield module
            for name in code.sources[module].imports:
                parts = name.split(".")
                todo += [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value of nested mappings with its dotted name."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, value
