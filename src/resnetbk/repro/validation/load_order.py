"""Is the level of determinism set before NumPy or torch loads? Each stage's script is followed as it would run.

The variables that fix the instruction set and the threads are read once, when those libraries load.
"""

from __future__ import annotations

import ast

from resnetbk.repro.validation.imports import imported_from
from resnetbk.repro.validation.project import Project
from resnetbk.repro.validation.random_calls import from_toolkit
from resnetbk.repro.validation.source import Code, Source
from resnetbk.repro.validation.stage_scripts import stage_scripts

NUMERIC = frozenset(
    "numpy torch scipy pandas sklearn numba jax tensorflow transformers datasets matplotlib statsmodels "
    "torchvision lightning pytorch_lightning polars xgboost lightgbm".split()
)
PINNING = frozenset({"pin_environment"})


def level_before_numpy_and_torch(project: Project) -> list[str]:
    """Name the first import in each stage that loads NumPy or torch before `pin_environment` was called."""
    problems = []
    for script in stage_scripts(project):
        run = _Run(project.code)
        run.load(script.source.module, entry=True)
        problems += run.too_early
    return sorted(set(problems))


class _Run:
    """One start of a script, followed through imports and calls of the project's own functions."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.pinned = False
        self.too_early: list[str] = []
        self.done: set[str] = set()

    def load(self, module: str, *, entry: bool = False) -> None:
        source = self.code.sources.get(module)
        if source and module not in self.done:
            self.done.add(module)
            for statement in source.tree.body:
                if entry or not _guarded(statement, "__name__"):
                    self._follow(source, statement)

    def _follow(self, source: Source, node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or _guarded(
            node, "TYPE_CHECKING"
        ):
            return
        if isinstance(node, ast.Import):
            for alias in node.names:
                self._import(source, node, alias.name)
        elif isinstance(node, ast.ImportFrom):
            package = source.module if source.path.endswith("__init__.py") else source.module.rpartition(".")[0]
            module = imported_from(node, package)
            self._import(source, node, module)
            for alias in node.names:
                self.load(f"{module}.{alias.name}")
        else:
            for child in ast.iter_child_nodes(node):
                self._follow(source, child)
            if isinstance(node, ast.Call):
                self._call(source, node)

    def _import(self, source: Source, node: ast.stmt, module: str) -> None:
        library = module.split(".")[0]
        if library in NUMERIC and not self.pinned and not self.too_early:
            self.too_early.append(
                f"{source.path}:{node.lineno}: imports {library} before pin_environment was called, which then "
                "has no effect; import it inside the function that needs it"
            )
        for end in range(1, module.count(".") + 2):
            self.load(".".join(module.split(".")[:end]))

    def _call(self, source: Source, node: ast.Call) -> None:
        dotted = source.dotted(node.func)
        if from_toolkit(dotted, PINNING):
            self.pinned = True
            return
        for name in [dotted, *(source.dotted(argument) for argument in node.args)]:  # stage(main) will call main
            scope = self.code.function(name) or self.code.function(f"{name}.__init__")
            if scope and scope.name not in self.done:
                self.done.add(scope.name)
                for statement in scope.node.body:
                    self._follow(scope.source, statement)


def _guarded(node: ast.AST, name: str) -> bool:
    """Return whether a statement is `if TYPE_CHECKING` or `if __name__ == ...`."""
    return isinstance(node, ast.If) and any(
        getattr(part, "id", getattr(part, "attr", None)) == name for part in ast.walk(node.test)
    )
