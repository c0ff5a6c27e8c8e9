"""What a file imports, and what each name in it stands for."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def names_in(tree: ast.Module, module: str, package: str) -> Iterator[tuple[str, str]]:
    """Yield what a file defines at its own level and what it imports anywhere."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, f"{module}.{node.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (
                    alias.asname or alias.name.split(".")[0],
                    alias.name if alias.asname else alias.name.split(".")[0],
                )
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{imported_from(node, package)}.{alias.name}"


def imports_of(tree: ast.Module, package: str) -> Iterator[str]:
    """Yield the full name of everything that a file imports, at any time."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{imported_from(node, package)}.{alias.name}" for alias in node.names)


def imported_from(node: ast.ImportFrom, package: str) -> str:
    """Return the full name of the module of a `from ... import`, relative ones resolved."""
    if not node.level:
        return node.module or ""
    base = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])
