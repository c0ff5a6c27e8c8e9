"""Python files as syntax trees: which function calls what, with imported names spelt out in full."""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from resnetbk.repro.validation.imports import imports_of, names_in

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, eq=False)
class Source:
    """One file: its path in the project, its dotted name, its tree, what each name stands for, what it imports."""

    path: str
    module: str
    tree: ast.Module
    names: dict[str, str]
    imports: frozenset[str]

    def dotted(self, node: ast.expr) -> str:
        """Return `numpy.random.rand` for `np.random.rand`; "" for what is no chain of names from an import."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self.names:
            return ""
        return ".".join([self.names[node.id], *reversed(parts)])


@dataclass(frozen=True, eq=False)
class Scope:
    """A function, or a file's own level (`node` None); `name` is `module.Class.function`."""

    source: Source
    name: str
    node: FunctionNode | None
    parent: Scope | None

    @property
    def called_as(self) -> str:
        """The last name that a call of it shows: a class's for its constructor."""
        *_, owner, last = self.name.rsplit(".", 2)
        return owner if last == "__init__" else last


@dataclass(frozen=True, eq=False)
class Call:
    """A call, where it stands, the full name of what is called ("" if unknown) and the last part of that name."""

    scope: Scope
    node: ast.Call
    dotted: str
    last: str

    @property
    def place(self) -> str:
        return f"{self.scope.source.path}:{self.node.lineno}"


@dataclass
class Code:
    """The files of some folders. `broken` lists those that do not parse, with place and reason."""

    sources: dict[str, Source] = field(default_factory=dict)
    scopes: dict[str, Scope] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def calls_of(self, scope: Scope) -> list[Call]:
        """Return the calls anywhere in the project that may be calls of a function, going by its last name."""
        if not hasattr(self, "_by_name"):
            self._by_name: dict[str, list[Call]] = defaultdict(list)
            for call in self.calls:
                self._by_name[call.last].append(call)
        return self._by_name[scope.called_as]

    def function(self, dotted: str) -> Scope | None:
        """Return the function of a full name, followed through the files that only pass it on."""
        for _ in range(len(self.sources)):
            if dotted in self.scopes:
                return self.scopes[dotted]
            module, _, name = dotted.rpartition(".")
            source = self.sources.get(module)
            passed_on = source and source.names.get(name)
            if not passed_on or passed_on == dotted:
                return None
            dotted = passed_on
        return None


def read_code(root: Path, *folders: str) -> Code:
    """Read every .py file below some folders; `src` is a place for packages, any other folder is one."""
    code = Code()
    for folder in folders:
        base = root / "src" if folder == "src" else root
        for path in sorted((root / folder).rglob("*.py")):
            if not path.is_file() or any(part.startswith(".") for part in path.relative_to(root).parts):
                continue
            _read(code, root, path, ".".join(path.relative_to(base).with_suffix("").parts))
    return code


def _read(code: Code, root: Path, path: Path, module: str) -> None:
    name = path.relative_to(root).as_posix()
    try:
        tree = ast.parse(path.read_bytes(), name)
    except (SyntaxError, ValueError) as error:
        code.broken.append(f"{name}:{getattr(error, 'lineno', None) or 1}: not Python: {error.args[0]}")
        return
    package = module.removesuffix(".__init__") if path.name == "__init__.py" else module.rpartition(".")[0]
    module = module.removesuffix(".__init__")
    names = dict(names_in(tree, module, package))
    source = Source(name, module, tree, names, frozenset(imports_of(tree, package)))
    code.sources[module] = source
    _collect(code, Scope(source, module, None, None), tree, module)


def _collect(code: Code, scope: Scope, node: ast.AST, name: str) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FunctionNode):
            inner = Scope(scope.source, f"{name}.{child.name}", child, scope)
            code.scopes[inner.name] = inner
            _collect(code, inner, child, inner.name)
        elif isinstance(child, ast.ClassDef):
            _collect(code, scope, child, f"{name}.{child.name}")
        else:
            if isinstance(child, ast.Call):
                last = getattr(child.func, "attr", getattr(child.func, "id", ""))
                code.calls.append(Call(scope, child, scope.source.dotted(child.func), last))
            _collect(code, scope, child, name)
