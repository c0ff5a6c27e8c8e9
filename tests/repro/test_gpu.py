"""GPUs are named by the driver's own program, a real process here that says what the driver would."""

import pytest

from resnetbk.repro import gpu
from resnetbk.repro.gpu import gpu_info


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """Put a program called nvidia-smi, with this text, on the path."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def install(text):
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)

    return install


def test_each_device_is_named(driver):
    driver(
        'test "$1" = --query-gpu=name,memory.total,driver_version || exit 9\n'
        'echo "NVIDIA A100-SXM4-40GB, 40960, 550.54.15"; echo "NVIDIA GB10, [N/A], 580.95.05"'
    )
    assert gpu_info() == {
        "devices": [
            {"name": "NVIDIA A100-SXM4-40GB", "memory_bytes": 40960 * 2**20, "driver": "550.54.15"},
            {"name": "NVIDIA GB10", "memory_bytes": None, "driver": "580.95.05"},
        ],
        "reason": None,
    }


def test_a_driver_that_fails_is_the_reason(driver):
    driver('echo "NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver."; exit 9')
    assert gpu_info()["devices"] == []
    assert "could not communicate" in gpu_info()["reason"]


def test_a_driver_that_hangs_is_given_up(driver, monkeypatch):
    driver("exec sleep 60")
    monkeypatch.setattr(gpu, "TIMEOUT", 0.2)
    assert gpu_info() == {"devices": [], "reason": "nvidia-smi did not answer in 0.2 s"}


def test_without_a_driver_that_is_the_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu_info() == {"devices": [], "reason": "nvidia-smi is not installed"}
