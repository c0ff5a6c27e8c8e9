"""What a result was made with: the code, the host, the packages, the settings that decide bits.

It records facts that a result may depend on, never the result itself, and no secret: environment variables
only from a fixed list, URLs without credentials, of untracked files names and hashes but not contents.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from pathlib import Path
from typing import Any

import psutil

from resnetbk.repro.arithmetic import numpy_vector_units, thread_pools, torch_blas
from resnetbk.repro.container import container_info
from resnetbk.repro.cpu import cpu_info
from resnetbk.repro.files import sha256_file
from resnetbk.repro.git import git_state, strip_credentials
from resnetbk.repro.gpu import gpu_info
from resnetbk.repro.status import get_deterministic_status
from resnetbk.repro.variables import NAMES

__all__ = ["get_environment_info", "git_state", "strip_credentials"]

RECORDED_VARIABLES = (*NAMES, "CUDA_VISIBLE_DEVICES", "TOKENIZERS_PARALLELISM")


def get_environment_info(root: str | Path = ".") -> dict[str, Any]:
    """Describe the code, the host, the packages and the settings in force.

    **Arguments:** `root`: the repository's root, or any folder in it.
    **Returns:** a dict for JSON: `git` (see `git_state`), `python`, `platform`, `container` (see `container_info`;
    None outside of one), `cpu` (see `cpu_info`), `memory_bytes`, `gpu` (see `gpu_info`), `torch` with its CUDA and
    cuDNN (None when it is not loaded: it is never imported for this), `blas` (`torch`: see `torch_blas`; `loaded`:
    see `thread_pools`), `numpy_vector_units`, `determinism` (the level in force, see `get_deterministic_status`),
    `environment` (the variables that decide bits, None where unset), `variables_too_late` (those of them that were
    set when nothing read them any more), `portable_operators`, `packages` (name to version) and `lock_sha256` (of
    requirements.lock, None where there is none).
    """
    root = Path(root)
    lock = root / "requirements.lock"
    status = get_deterministic_status()
    return {
        "git": git_state(root),
        "python": {"version": platform.python_version(), "implementation": platform.python_implementation()},
        "platform": platform.platform(),
        "container": container_info(),
        "cpu": cpu_info(),
        "memory_bytes": psutil.virtual_memory().total,
        "gpu": gpu_info(),
        "torch": _torch(),
        "blas": {"torch": torch_blas(), "loaded": thread_pools()},
        "numpy_vector_units": numpy_vector_units(),
        "determinism": status.level,
        "environment": {name: os.environ.get(name) for name in sorted(RECORDED_VARIABLES)},
        "variables_too_late": [v.name for v in status.variables if v.state == "set too late"],
        "portable_operators": bool(status.flags and status.flags["portable_operators"]),
        "packages": _packages(),
        "lock_sha256": sha256_file(lock) if lock.is_file() else None,
    }


def _torch() -> dict[str, Any] | None:
    """Describe the torch of this process, if it is loaded."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "threads": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "default_dtype": str(torch.get_default_dtype()),
    }


def _packages() -> dict[str, str]:
    """Return every installed package and its version, the first on the path where there are two."""
    versions: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        metadata = distribution.metadata
        if metadata is not None and metadata["Name"]:
            versions.setdefault(metadata["Name"], metadata["Version"])
    return dict(sorted(versions.items(), key=lambda item: item[0].lower()))
