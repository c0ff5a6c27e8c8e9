"""What a result was made with: the code, the host, the packages, the settings that decide bits.

It records facts that a result may depend on, never the result itself, and no secret: environment variables
only from a fixed list, URLs without credentials, of untracked files names and hashes but not contents.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from resnetbk.repro.files import sha256_file
from resnetbk.repro.levels import ONE_THREAD, PORTABLE_ENVIRONMENT

DIFF_LIMIT = 1_000_000  # characters
UNTRACKED_LIMIT = 100  # files
UNTRACKED_SIZE_LIMIT = 1_000_000  # bytes; a larger file is named without its hash
GIT_TIMEOUT = 10  # seconds; a repository on a dead network disk must not hold a result up

RECORDED_VARIABLES = (
    *PORTABLE_ENVIRONMENT,
    *ONE_THREAD,
    "PYTHONHASHSEED",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_VISIBLE_DEVICES",
    "TOKENIZERS_PARALLELISM",
)
_INSTRUCTION_SETS = re.compile(r"^(sse\d?|ssse3|sse4_\d|avx.*|fma|f16c|amx.*|neon|asimd.*|sve.*)$")


def get_environment_info(root: str | Path = ".") -> dict[str, Any]:
    """Describe the code, the host, the packages and the settings in force.

    **Arguments:** `root`: the repository's root, or any folder in it.
    **Returns:** a dict for JSON: `git` (see `git_state`), `python`, `platform`, `cpu`, `memory_bytes`,
    `torch` (None when torch is not loaded: it is never imported for this), `environment` (the variables that
    decide bits, None where unset), `portable_operators`, `packages` (name to version) and `lock_sha256` (of
    requirements.lock, None where there is none).
    """
    root = Path(root)
    lock = root / "requirements.lock"
    return {
        "git": git_state(root),
        "python": {"version": platform.python_version(), "implementation": platform.python_implementation()},
        "platform": platform.platform(),
        "cpu": _cpu(),
        "memory_bytes": psutil.virtual_memory().total,
        "torch": _torch(),
        "environment": {name: os.environ.get(name) for name in sorted(RECORDED_VARIABLES)},
        "portable_operators": _portable_operators(),
        "packages": _packages(),
        "lock_sha256": sha256_file(lock) if lock.is_file() else None,
    }


def git_state(root: str | Path = ".") -> dict[str, Any]:
    """Describe the commit that a work tree stands on and how the tree differs from it.

    **Arguments:** `root`: the repository's root, or any folder in it.
    **Returns:** `commit`, `branch`, `remote` (without credentials), `dirty` (anything modified, staged or
    untracked), `diff` (text of `git diff HEAD`, cut at `DIFF_LIMIT` characters with a note) and `untracked`
    (path to SHA-256). Where git cannot tell, a field is None and `reason` says why; else `reason` is None.
    """
    fields = ("commit", "branch", "remote", "dirty", "diff", "untracked", "reason")
    state: dict[str, Any] = dict.fromkeys(fields)
    try:
        top = Path(_git(root, "rev-parse", "--show-toplevel").rstrip("\n"))
        lines = _git(top, "status", "--porcelain=v2", "--branch", "--untracked-files=all", "-z").split("\0")
        facts = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# branch."))
        entries = [line for line in lines if line and not line.startswith("# ")]
        if facts["branch.head"] != "(detached)":
            state["branch"] = facts["branch.head"]
        state["dirty"] = bool(entries)
        state["untracked"] = _untracked(top, [line[2:] for line in entries if line.startswith("? ")])
        state["remote"] = _remote(top)
        if facts["branch.oid"] == "(initial)":
            state["reason"] = "the repository has no commit yet"
            return state
        state["commit"] = facts["branch.oid"]
        diff = _git(top, "diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color")
        if len(diff) > DIFF_LIMIT:
            diff = f"{diff[:DIFF_LIMIT]}\n[cut here: the diff has {len(diff)} characters]\n"
        state["diff"] = strip_credentials(diff)
    except FileNotFoundError:
        state["reason"] = "git is not installed" if Path(root).is_dir() else f"{root} is not a folder"
    except subprocess.CalledProcessError as error:
        state["reason"] = strip_credentials(error.stderr.decode(errors="replace").strip())
    except subprocess.TimeoutExpired:
        state["reason"] = f"git did not answer in {GIT_TIMEOUT} s"
    return state


def strip_credentials(text: str) -> str:
    """Remove `user:password@` and `token@` from every URL in a text."""
    return re.sub(r"(?<=://)[^\s/\"'<>]*@", "", text)


def _git(root: str | Path, *arguments: str) -> str:
    """Run git in `root`, deaf to the variables by which a hook points it at another repository."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *arguments],
        cwd=root,
        env={**environment, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=GIT_TIMEOUT,
        check=True,
    )
    return done.stdout.decode(errors="replace")


def _remote(top: Path) -> str | None:
    """Return the URL of `origin`, else of the first remote, without credentials, query or fragment."""
    lines = [line.split("\t", 1) for line in _git(top, "remote", "--verbose").splitlines()]
    urls = {name: url.rsplit(" (", 1)[0] for name, url in reversed(lines)}
    if not urls:
        return None
    url = urls.get("origin", urls[lines[0][0]])
    return re.split(r"[?#]", strip_credentials(url))[0]


def _untracked(top: Path, names: list[str]) -> dict[str, str | None]:
    """Hash the untracked files that are small; name the rest without a hash."""
    hashes: dict[str, str | None] = {}
    for name in sorted(names)[:UNTRACKED_LIMIT]:
        try:
            small = (top / name).stat().st_size <= UNTRACKED_SIZE_LIMIT
            hashes[name] = sha256_file(top / name) if small else None
        except OSError:
            hashes[name] = None  # gone since git listed it, or not ours to read
    if len(names) > UNTRACKED_LIMIT:
        hashes[f"[{len(names) - UNTRACKED_LIMIT} more]"] = None
    return hashes


def _cpu() -> dict[str, Any]:
    """Name the processor, its vector instruction sets and its cores."""
    facts: dict[str, str] = {}
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            facts.setdefault(name.strip(), value.strip())
    except OSError:
        pass  # not Linux: `platform` knows the model, nobody the flags
    flags = (facts.get("flags") or facts.get("Features") or "").split()
    cores = {"physical": psutil.cpu_count(logical=False), "logical": os.cpu_count()}
    if hasattr(os, "sched_getaffinity"):
        cores["available"] = len(os.sched_getaffinity(0))
    return {
        "model": facts.get("model name") or platform.processor() or platform.machine(),
        "vendor": facts.get("vendor_id"),
        "instruction_sets": sorted(flag for flag in flags if _INSTRUCTION_SETS.match(flag)),
        "cores": cores,
    }


def _torch() -> dict[str, Any] | None:
    """Describe the torch of this process, if it is loaded."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "threads": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "default_dtype": str(torch.get_default_dtype()),
    }


def _portable_operators() -> bool:
    """Return whether the portable operators are in force; importing them here would load torch."""
    portable = sys.modules.get("resnetbk.repro.portable")
    return portable is not None and portable.installed()


def _packages() -> dict[str, str]:
    """Return every installed package and its version, the first on the path where there are two."""
    versions: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        metadata = distribution.metadata
        if metadata is not None and metadata["Name"]:
            versions.setdefault(metadata["Name"], metadata["Version"])
    return dict(sorted(versions.items(), key=lambda item: item[0].lower()))
