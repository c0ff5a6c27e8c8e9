"""Is there a test that computes something twice and compares the bits, and a control that they can differ?

Found by names: on both sides of a comparison in a `test_...` function stands the same function, of the project or
of the tests, called twice, and a hash or a bitwise comparison is on the way. Fixtures and the tests' own functions
are followed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from resnetbk.repro.validation.project import Project
from resnetbk.repro.validation.source import Code, Scope

BITWISE = re.compile(
    r"hash|sha\d|md5|blake|digest|bits|tobytes|read_bytes|array_equal|^equal$|verify_deterministic"
)
READERS = frozenset(
    "open read_text read_bytes loads load len list tuple set dict sorted str int float range Path".split()
)


def bits_compared(project: Project) -> list[str]:
    """Find a test that runs something twice and compares hashes or bits."""
    if any(same for _, same in _comparisons(project.tests)):
        return []
    return [
        "tests/: no test computes something twice and asserts that its hash is the same, as in "
        "`assert hash_tensors(train(seed=0)) == hash_tensors(train(seed=0))`"
    ]


def difference_possible(project: Project) -> list[str]:
    """Find a negative control: a test that runs the same thing otherwise and asserts that the bits differ."""
    if any(not same for _, same in _comparisons(project.tests)):
        return []
    return [
        "tests/: no test asserts that other inputs give other bits, as in "
        "`assert hash_tensors(train(seed=0)) != hash_tensors(train(seed=1))`; a comparison that cannot fail shows "
        "nothing"
    ]


def _comparisons(tests: Code) -> Iterator[tuple[Scope, bool]]:
    """Yield each test with a bitwise comparison of two runs, and whether they are to be the same."""
    for scope in tests.scopes.values():
        if not scope.node.name.startswith("test_"):
            continue
        values = _Values(tests, scope)
        for node in ast.walk(scope.node):
            if isinstance(node, ast.Assert):
                for left, right, same in _sides(node.test, True):
                    if values.two_runs(left, right):
                        yield scope, same


def _sides(test: ast.expr, same: bool) -> Iterator[tuple[ast.expr, ast.expr, bool]]:
    """Yield the two sides of each comparison in an assertion; `torch.equal(a, b)` has two as well."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from _sides(test.operand, not same)
    elif isinstance(test, ast.BoolOp):
        for value in test.values:
            yield from _sides(value, same)
    elif isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq | ast.NotEq):
        yield test.left, test.comparators[0], same == isinstance(test.ops[0], ast.Eq)
    elif isinstance(test, ast.Call):
        name = getattr(test.func, "attr", getattr(test.func, "id", ""))
        if BITWISE.search(name) and len(test.args) > 1:
            yield test.args[0], test.args[1], same
        elif name in ("all", "any") and test.args:
            for node in ast.walk(test.args[0]):
                if isinstance(node, ast.Call) and node is not test:
                    yield from _sides(node, same)


class _Values:
    """What the names in one test stand for: the calls whose results they hold."""

    def __init__(self, tests: Code, scope: Scope) -> None:
        self.tests = tests
        self.functions = {other.node.name: other for other in tests.scopes.values()}
        self.scope = scope
        self.assigned: dict[str, list[ast.expr]] = {}
        for node in ast.walk(scope.node):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    self._assign(target, node.value)
        self.fixtures = {argument.arg for argument in scope.node.args.args}

    def two_runs(self, left: ast.expr, right: ast.expr) -> bool:
        """Return whether both sides come from two calls of one function, with bits compared."""
        one, other = self._calls(left, set()), self._calls(right, set())
        shared = {name for name, _ in one} & {name for name, _ in other}
        bitwise = any(BITWISE.search(name) for name, _ in one | other) or self._compares_bits()
        twice = any(
            {call for name, call in one if name == which} != {call for name, call in other if name == which}
            for which in shared
            if which not in READERS and not BITWISE.search(which)
        )
        return bitwise and twice

    def _compares_bits(self) -> bool:
        return any(
            isinstance(node, ast.Call) and BITWISE.search(getattr(node.func, "attr", getattr(node.func, "id", "")))
            for node in ast.walk(self.scope.node)
        )

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for inner, part in zip(target.elts, value.elts, strict=True):
                self._assign(inner, part)
        else:
            for node in ast.walk(target):
                if isinstance(node, ast.Name):
                    self.assigned.setdefault(node.id, []).append(value)

    def _calls(self, expression: ast.expr, seen: set[str]) -> set[tuple[str, ast.Call]]:
        """Return name and node of every call that an expression's value comes from."""
        calls = set()
        for node in ast.walk(expression):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                calls.add((name, node))
                if (
                    name in self.functions and name not in seen
                ):  # a function of the tests: what it calls counts too
                    inner = self._calls(self.functions[name].node, seen | {name})
                    calls |= {(called, node) for called, _ in inner if BITWISE.search(called)}
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in seen:
                for value in self.assigned.get(node.id, []):
                    calls |= self._calls(value, seen | {node.id})
                if node.id in self.fixtures and node.id in self.functions:
                    calls |= self._calls(self.functions[node.id].node, seen | {node.id})
        return calls
