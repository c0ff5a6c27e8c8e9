"""What a result was made with: no secrets, no torch loaded for it, no delay."""

import json
import subprocess
import sys

import pytest

from resnetbk.repro.files import sha256_file
from resnetbk.repro.provenance import get_environment_info


def test_without_a_repository_the_fields_are_null_and_say_why(tmp_path):
    info = get_environment_info(tmp_path)
    assert "not a git repository" in info["git"].pop("reason")
    assert set(info["git"].values()) == {None}
    assert info["lock_sha256"] is None


def test_of_the_environment_only_what_decides_bits_is_recorded(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("MKL_CBWR", "AVX2,STRICT")
    info = get_environment_info(tmp_path)
    assert info["environment"]["MKL_CBWR"] == "AVX2,STRICT"
    assert "s3cret" not in json.dumps(info)


def test_host_packages_and_lock_are_recorded(tmp_path):
    (tmp_path / "requirements.lock").write_text("a==1\n")
    info = get_environment_info(tmp_path)
    assert info["packages"]["pytest"] == pytest.__version__
    assert info["lock_sha256"] == sha256_file(tmp_path / "requirements.lock")
    assert info["cpu"]["cores"]["logical"] >= 1
    assert info["memory_bytes"] > 2**20


def test_torch_is_described_when_loaded(tmp_path):
    import torch

    from resnetbk.repro import portable

    info = get_environment_info(tmp_path)
    assert info["torch"]["version"] == torch.__version__
    assert info["torch"]["threads"] == torch.get_num_threads()
    assert info["portable_operators"] is portable.installed()


def test_it_is_quick_and_loads_nothing_heavy(tmp_path):
    code = (
        "import sys, time; from resnetbk.repro.provenance import get_environment_info as f;"
        "start = time.process_time(); info = f('.'); seconds = time.process_time() - start;"
        "assert info['torch'] is None and not {'torch', 'numpy', 'mlflow'} & sys.modules.keys();"
        "print(seconds)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert float(done.stdout) < 0.5


def test_no_secret_of_a_remote_or_of_the_environment_is_recorded(tmp_path, monkeypatch):
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    url = "https://user:t0ken@host.example/a.git?private_token=t0ken"
    subprocess.run(["git", "remote", "add", "origin", url], cwd=tmp_path, check=True)
    for name in ("HF_TOKEN", "GIT_ASKPASS", "OPENBLAS_SECRET", "MKL_TOKEN", "CUDA_TOKEN"):
        monkeypatch.setenv(name, "t0ken")
    info = get_environment_info(tmp_path)
    assert info["git"]["remote"] == "https://host.example/a.git"
    assert "t0ken" not in json.dumps(info)


def test_blas_and_threads_are_those_in_use(tmp_path):
    import torch
    from threadpoolctl import threadpool_limits

    info = get_environment_info(tmp_path)
    blas = [pool for pool in info["blas"]["loaded"] if pool["kind"] == "openblas"]
    assert blas and all(pool["architecture"] and pool["version"] for pool in blas)
    assert info["blas"]["torch"]["name"] in torch.__config__.show().lower()
    assert info["torch"]["cudnn"] == torch.backends.cudnn.version()
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            loaded = get_environment_info(tmp_path)["blas"]["loaded"]
        assert {pool["threads"] for pool in loaded if pool["kind"] == "openblas"} == {threads}


def test_it_is_json(tmp_path):
    info = get_environment_info(tmp_path)
    assert json.loads(json.dumps(info)) == info
