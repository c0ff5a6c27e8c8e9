"""Where a value goes: by names, from variable to variable and from call to function."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from resnetbk.repro.validation.source import Code, Scope

WRAPPERS = frozenset(
    "int tuple list sorted enumerate zip range get SeedSequence generate_deterministic_seeds".split()
)


class Flow:
    """The names in each function that hold a seed, found by going round until nothing is added.

    A seed does not pass through a call to what it returns, which would soon be everything, but for `WRAPPERS`.
    """

    def __init__(self, code: Code, names: set[str]) -> None:
        self.code = code
        self.attributes = set(names)
        self.variables: set[tuple[Scope, str]] = set()
        by_name = defaultdict(list)
        for scope in code.scopes.values():
            by_name[scope.called_as].append(scope)
            if scope.source.path.startswith("stages/"):  # the command line fills a stage's arguments
                self.variables |= {(scope, name) for name in _parameters(scope) if name in names}
        scopes = {call.scope for call in code.calls} | set(code.scopes.values())
        assigned = [(scope, target, _read(value)) for scope in scopes for target, value in _assignments(scope)]
        bound = [
            (call.scope, callee, name, _read(value))
            for call in code.calls
            for callee in by_name[call.last]
            for name, value in _bound(callee, call.node)
        ]
        before = -1
        while before != (before := len(self.variables) + len(self.attributes)):
            for scope, target, read in assigned:
                if self._carries(scope, read):
                    self._mark(scope, target)
            for scope, callee, name, read in bound:
                if self._carries(scope, read):
                    self.variables.add((callee, name))

    def carries(self, scope: Scope, expression: ast.expr) -> bool:
        """Return whether an expression holds a seed."""
        return self._carries(scope, _read(expression))

    def _carries(self, scope: Scope, read: tuple[set[str], set[str]]) -> bool:
        names, attributes = read
        if not attributes.isdisjoint(self.attributes):
            return True
        return any((outer, name) in self.variables for name in names for outer in _outwards(scope))

    def _mark(self, scope: Scope, target: ast.expr) -> None:
        for node in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
            if isinstance(node, ast.Name):
                self.variables.add((scope, node.id))
            elif isinstance(node, ast.Attribute):
                self.attributes.add(node.attr)


def _read(expression: ast.expr) -> tuple[set[str], set[str]]:
    """Return the names, and the attributes and keys (`a.seed`, `a["seed"]`), that make an expression's value."""
    names, attributes, todo = set(), set(), [expression]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) not in WRAPPERS:
            continue
        if isinstance(node, ast.Attribute):
            attributes.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            attributes.add(node.value)
        elif isinstance(node, ast.Name):
            names.add(node.id)
        todo += ast.iter_child_nodes(node)
    return names, attributes


def _outwards(scope: Scope | None) -> Iterator[Scope]:
    while scope:
        yield scope
        scope = scope.parent


def _parameters(scope: Scope) -> list[str]:
    listed = scope.node.args
    return [argument.arg for argument in (*listed.posonlyargs, *listed.args, *listed.kwonlyargs)]


def _bound(callee: Scope, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """Yield each parameter with the expression that a call gives it."""
    names = _parameters(callee)
    positional = names[1:] if names[:1] in (["self"], ["cls"]) else names
    yield from zip(positional, call.args, strict=False)
    yield from ((keyword.arg, keyword.value) for keyword in call.keywords if keyword.arg in names)


def _assignments(scope: Scope) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield target and value of what a function (or a file's own level) assigns."""
    for node in ast.walk(scope.node or scope.source.tree):
        if isinstance(node, ast.Assign):
            yield from ((target, node.value) for target in node.targets)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and node.value:
            yield node.target, node.value
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            yield node.target, node.iter
