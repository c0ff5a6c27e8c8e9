"""Reproducibility: the same bits from the same inputs, and the record that proves it.

Usable alone: nothing here imports from the rest of `resnetbk`. What a script needs is importable from here, and
loaded when it is first asked for: `pin_environment` must run before NumPy and torch are imported, so that this
package may import neither.
"""

from __future__ import annotations

import importlib
from typing import Any

_PUBLIC = {
    "checkpoints": ("CheckpointVerifier",),
    "determinism": (
        "DeterminismWarning",
        "DeterministicConfig",
        "DeterministicContext",
        "enable_deterministic_mode",
    ),
    "difference": ("distance_between", "why_bits_differ"),
    "execution": ("NotDeterministicError", "verify_deterministic_execution"),
    "hashing": ("compute_checkpoint_hash", "hash_tensor", "hash_tensors"),
    "impact": ("benchmark_deterministic_impact",),
    "levels": ("enforce", "pin_environment"),
    "lineage": ("bind", "check_chain"),
    "loading": ("load_checkpoint", "require_same_architecture"),
    "manifest": ("check_integrity_manifest", "create_integrity_manifest"),
    "provenance": ("get_environment_info",),
    "sealed": ("IntegrityError", "read_sealed", "write_sealed"),
    "seed_state": ("load_seed_state", "save_seed_state"),
    "seeding": ("SeedContext", "generate_deterministic_seeds", "set_global_seed"),
    "status": ("get_deterministic_status",),
    "template": ("create_reproducible_template",),
    "template_config": ("TemplateConfig",),
    "validation": ("validate_template_structure",),
    "workers": ("data_loader_generator", "seed_worker"),
}
_MODULE_OF = {name: module for module, names in _PUBLIC.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
