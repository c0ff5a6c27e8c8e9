"""Machine code is kept between processes, and never serves a source that it was not made from."""

from __future__ import annotations

import numpy as np
import pytest

from resnetbk.kernels import compilation


def double(x):
    for i in range(x.shape[0]):
        x[i] += x[i]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))


def hits() -> int:
    """Compile afresh or load; return how many times it was loaded."""
    kernel = compilation.compiled(double)
    x = np.ones(3, np.float32)
    kernel(x)
    assert x.tolist() == [2, 2, 2]
    return sum(kernel.stats.cache_hits.values())


def cache_files(tmp_path):
    return list(tmp_path.rglob("*.nbc"))


def test_second_use_loads(tmp_path):
    assert hits() == 0
    assert len(cache_files(tmp_path)) == 1
    assert hits() == 1


def test_an_edit_of_any_kernels_source_compiles_again(monkeypatch):
    hits()
    monkeypatch.setattr(compilation, "_source_digest", lambda: "another")
    assert hits() == 0


def test_without_a_folder_to_share_it_stays_beside_the_source(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path / "file" / "folder"))
    assert compilation._directory(tmp_path / "own") == tmp_path / "own"
    monkeypatch.setattr("numba.core.config.CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert compilation._directory(tmp_path / "own") == tmp_path / "home" / "resnetbk" / "kernels"


def test_another_cpu_compiles_again(monkeypatch):
    hits()
    monkeypatch.setattr("numba.core.codegen.JITCPUCodegen.magic_tuple", lambda self: ("x86_64", "other", ""))
    assert hits() == 0


@pytest.mark.parametrize("damage", [lambda data: data[:-100], lambda data: data[:40] + b"?" + data[41:]])
def test_a_damaged_file_compiles_again(tmp_path, damage):
    hits()
    (path,) = cache_files(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    assert hits() == 0
    assert hits() == 1


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    def full(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        hits()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_source_digest_covers_every_kernel(tmp_path, monkeypatch):
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("x = 1\n")
    monkeypatch.setattr(compilation, "__file__", str(tmp_path / "a.py"))
    digest = compilation._source_digest.__wrapped__
    before = digest()
    assert digest() == before
    (tmp_path / "b.py").write_text("x = 2\n")
    assert digest() != before
