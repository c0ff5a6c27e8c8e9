"""Put a level of determinism in force, for the process or for a block, and refuse where it cannot hold.

`levels.py` says what the levels are and sets them; here is what a script asks for, with the way back. The way back
covers torch's switches, its threads, the portable operators and the threads of the BLAS libraries. It does not
cover environment variables: libraries read them once, so they stay set.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self, get_args

from threadpoolctl import ThreadpoolController

from resnetbk.repro.cublas import Workspace, pin_workspace
from resnetbk.repro.flags import capture_flags, restore_flags
from resnetbk.repro.levels import Level, enforce, pin_environment
from resnetbk.repro.status import get_deterministic_status

_ADVICE = {
    "machine": "Mend that, or pass warn_only=True.",
    "portable": "Ask for it before NumPy and torch are imported, or ask for level='machine'. "
    "`resnetbk determinism --level portable` tells whether this machine can hold it at all.",
}


class DeterminismWarning(UserWarning):
    """A level was asked for with `warn_only` and cannot hold."""


@dataclass(frozen=True)
class DeterministicConfig:
    """What to put in force.

    `level`: `machine` gives the same bits on this host. `portable` gives them on any x86-64 host with AVX2, and
    must be asked for before NumPy and torch are imported. `fast` promises none and leaves the threads as they are.
    `warn_only`: warn of what cannot hold, and let torch warn of algorithms that are not deterministic, rather than
    refuse. `cublas_workspace`: CUDA's, see `cublas.py`. `fill_uninitialized_memory`: fill new tensors with NaN,
    which shows a read of memory that nobody wrote and costs a pass each time.
    """

    level: Level = "machine"
    warn_only: bool = False
    cublas_workspace: Workspace = ":4096:8"
    fill_uninitialized_memory: bool = False

    def __post_init__(self) -> None:
        for name, choices in (("level", get_args(Level)), ("cublas_workspace", get_args(Workspace))):
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"DeterministicConfig.{name} is one of {', '.join(choices)}; found {getattr(self, name)!r}"
                )


def enable_deterministic_mode(config: DeterministicConfig | None = None) -> None:
    """Put a level of determinism in force for the rest of the process. torch is imported for it.

    **Arguments:** `config`: None for `portable` where its operators are installed already, else for `machine`.
    **Raises:** `RuntimeError` when the level cannot hold here, with every reason; the mode is then as it was. With
    `warn_only` it warns (`DeterminismWarning`) and goes as far as it can.
    """
    _put_in_force(config)


class DeterministicContext:
    """Put a level in force for a block, and everything back afterwards as it was, come what may.

    Contexts nest, and one object may be entered again. They change the state of the process: other threads see it.
    Environment variables that a level sets stay set.

        with DeterministicContext(DeterministicConfig(level="machine")):
            ...
    """

    def __init__(self, config: DeterministicConfig | None = None) -> None:
        """**Arguments:** `config`: of `enable_deterministic_mode`. Entering **raises** what it raises."""
        self.config = config
        self._before: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        self._before.append(_put_in_force(self.config))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._before.pop()()


def _put_in_force(config: DeterministicConfig | None) -> Callable[[], None]:
    """Put a level in force and return what undoes it; undo it at once where the level cannot hold."""
    if config is None:
        config = DeterministicConfig("portable" if _portable_operators() else "machine")
    if not {"numpy", "torch"} & sys.modules.keys():
        pin_environment(config.level)
    undo = ExitStack()
    try:
        undo.callback(restore_flags, capture_flags())
        undo.callback(_restore_operators, _portable_operators())
        faults = _switch(config, undo)
        if faults:
            message = f"determinism {config.level!r} cannot hold in this process:\n- " + "\n- ".join(faults)
            if not config.warn_only:
                raise RuntimeError(f"{message}\n{_ADVICE[config.level]}")
            warnings.warn(message, DeterminismWarning, stacklevel=3)
    except BaseException:
        undo.close()
        raise
    return undo.close


def _switch(config: DeterministicConfig, undo: ExitStack) -> list[str]:
    """Set all that a level consists of; return what keeps it from being in force."""
    import torch

    from resnetbk.repro import portable

    if config.level != "portable":
        portable.uninstall()
    if config.level == "fast":
        torch.use_deterministic_algorithms(False)
        return []
    workspace_fault = pin_workspace(config.cublas_workspace)
    enforce(config.level)
    torch.utils.deterministic.fill_uninitialized_memory = config.fill_uninitialized_memory
    blas = ThreadpoolController().limit(limits=1, user_api="blas")
    undo.callback(blas.restore_original_limits)
    faults = [workspace_fault] if workspace_fault else []
    faults += [fault for fault in get_deterministic_status().faults[config.level] if fault not in faults]
    torch.use_deterministic_algorithms(True, warn_only=config.warn_only)  # last: to warn only is itself a fault
    return faults


def _portable_operators() -> bool:
    """Return whether the portable operators are in force; importing them here would load torch."""
    portable = sys.modules.get("resnetbk.repro.portable")
    return portable is not None and portable.installed()


def _restore_operators(installed: bool) -> None:
    from resnetbk.repro import portable

    (portable.install if installed else portable.uninstall)()
