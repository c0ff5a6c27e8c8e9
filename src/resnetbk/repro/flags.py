"""The switches by which torch chooses deterministic algorithms, taken and put back."""

from __future__ import annotations

import importlib.util
from typing import Any


def capture_flags() -> dict[str, Any]:
    """Return torch's determinism switches and its number of threads; nothing where torch is not installed."""
    if not importlib.util.find_spec("torch"):
        return {}
    import torch

    return {
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "fill_uninitialized_memory": torch.utils.deterministic.fill_uninitialized_memory,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
        "threads": torch.get_num_threads(),
    }


def restore_flags(flags: dict[str, Any]) -> None:
    """Put torch's switches back as `capture_flags` found them."""
    if not flags:
        return
    import torch

    now = capture_flags()
    if (now["deterministic"], now["warn_only"]) != (flags["deterministic"], flags["warn_only"]):  # takes seconds
        torch.use_deterministic_algorithms(flags["deterministic"], warn_only=flags["warn_only"])
    torch.utils.deterministic.fill_uninitialized_memory = flags["fill_uninitialized_memory"]
    torch.backends.cudnn.benchmark = flags["cudnn_benchmark"]
    torch.backends.cudnn.deterministic = flags["cudnn_deterministic"]
    if now["threads"] != flags["threads"]:
        torch.set_num_threads(flags["threads"])
