import json
import sys
import types

import pytest

from resnetbk.audit.code import audited_sources, verify_code
from resnetbk.errors import UserError


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A repository with one model file, imported; what this process imported before is out of sight."""
    for name in [name for name in sys.modules if name.startswith(("resnetbk.models", "resnetbk.kernels"))]:
        monkeypatch.delitem(sys.modules, name)
    file = tmp_path / "src/resnetbk/models/one.py"
    file.parent.mkdir(parents=True)
    file.write_text("layers = 1\n")
    module = types.ModuleType("resnetbk.models.one")
    module.__file__ = str(file)
    monkeypatch.setitem(sys.modules, "resnetbk.models.one", module)
    return tmp_path


@pytest.fixture
def report(root):
    path = root / "metrics/audit/small.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"code": audited_sources(root)}))
    return path


def test_code_as_audited_passes(report, root):
    assert list(audited_sources(root)) == ["src/resnetbk/models/one.py"]
    verify_code(report, root)


def test_changed_code_is_refused(report, root):
    (root / "src/resnetbk/models/one.py").write_text("layers = 2\n")
    with pytest.raises(UserError, match=r"models/one\.py.*'small'.*changed.*dvc repro audit@small"):
        verify_code(report, root)


def test_code_that_was_not_audited_is_refused(report, root, monkeypatch):
    file = root / "src/resnetbk/kernels/scan.py"
    file.parent.mkdir()
    file.write_text("")
    module = types.ModuleType("resnetbk.kernels.scan")
    module.__file__ = str(file)
    monkeypatch.setitem(sys.modules, "resnetbk.kernels.scan", module)
    with pytest.raises(UserError, match=r"kernels/scan\.py.*was not audited"):
        verify_code(report, root)


def test_missing_and_damaged_reports_are_refused(report, root):
    report.write_text("{")
    with pytest.raises(UserError, match="not an audit report"):
        verify_code(report, root)
    report.unlink()
    with pytest.raises(UserError, match="has not passed its audit"):
        verify_code(report, root)
