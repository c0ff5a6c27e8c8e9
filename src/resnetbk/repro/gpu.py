"""The GPUs of this machine, asked for without making a CUDA context: that would fix settings not made yet."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import Any

TIMEOUT = 10  # seconds; a driver that hangs must not hold a result up
_QUERY = ("name", "memory.total", "driver_version")


def gpu_info() -> dict[str, Any]:
    """Name the NVIDIA GPUs.

    Where torch uses CUDA already, it is asked and tells of the devices that it sees; else `nvidia-smi` is, which
    knows all of the machine's.

    **Returns:** `devices`: for each `name`, `memory_bytes` and `driver` (None where torch was asked, which does
    not tell); `reason`: why there is no list, None where there is one.
    """
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        properties = [torch.cuda.get_device_properties(device) for device in range(torch.cuda.device_count())]
        return _found([{"name": p.name, "memory_bytes": p.total_memory, "driver": None} for p in properties])
    if shutil.which("nvidia-smi") is None:
        return _none("nvidia-smi is not installed")
    try:
        done = subprocess.run(
            ["nvidia-smi", f"--query-gpu={','.join(_QUERY)}", "--format=csv,noheader,nounits"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return _none(f"nvidia-smi did not answer in {TIMEOUT} s")
    if done.returncode:
        return _none(" ".join((done.stdout + done.stderr).split()) or f"nvidia-smi: exit code {done.returncode}")
    return _found([_device(line) for line in done.stdout.splitlines() if line.strip()])


def _device(line: str) -> dict[str, Any]:
    """Read a line such as `NVIDIA A100-SXM4-40GB, 40960, 550.54.15`; unified memory has no size."""
    name, mebibytes, driver = (field.strip() for field in line.rsplit(",", 2))
    return {
        "name": name,
        "memory_bytes": int(mebibytes) * 2**20 if mebibytes.isdigit() else None,
        "driver": driver,
    }


def _found(devices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"devices": devices, "reason": None}


def _none(reason: str) -> dict[str, Any]:
    return {"devices": [], "reason": reason}
