"""The toolkit is whole, documented, quick to import and independent of the rest of the project."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import resnetbk.repro

FOLDER = Path(resnetbk.repro.__file__).parent


def strangers(source: str) -> set[str]:
    """Return the modules of resnetbk outside its toolkit that a module's source imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("resnetbk.repro" if node.level else node.module)
    return {name for name in names if name.split(".")[0] == "resnetbk" and name.split(".")[:2][1:] != ["repro"]}


@pytest.mark.parametrize("name", resnetbk.repro.__all__)
def test_every_public_name_is_there_and_documented(name: str):
    assert getattr(resnetbk.repro, name).__doc__


def test_it_imports_nothing_from_the_rest():
    assert {
        file.name: found for file in FOLDER.rglob("*.py") if (found := strangers(file.read_text("utf-8")))
    } == {}


def test_the_control_an_import_from_the_rest_is_found():
    assert strangers("def f():\n    from resnetbk.errors import UserError") == {"resnetbk.errors"}
    assert strangers("import resnetbk.repro.files, resnetbk.params") == {"resnetbk.params"}


def test_importing_it_loads_neither_numpy_nor_torch():
    """Or `portable` could not be asked for any more."""
    code = "import sys; from resnetbk.repro import pin_environment; print({'numpy', 'torch'} & {*sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
