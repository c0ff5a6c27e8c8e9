"""Ask a service in a process of its own, which can be ended when it hangs."""

from __future__ import annotations

import subprocess
from typing import Any

LONGEST = 400  # characters of an answer


def refusal(command: list[str], seconds: int, **options: Any) -> str:
    """Return why a command failed, its last words without secrets; "" when it did not fail.

    **Arguments:** `options`: `cwd` and `env` of `subprocess.run`.
    """
    from resnetbk.tracking.secrets import without_secrets

    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, **options)
    except subprocess.TimeoutExpired:
        return f"did not answer in {seconds} s"
    if done.returncode == 0:
        return ""
    return without_secrets((done.stderr.strip().splitlines() or ["it said nothing"])[-1])[:LONGEST]
