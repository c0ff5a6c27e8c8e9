"""A mode is put in force and taken back, nested and after exceptions; what cannot hold is refused."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from threadpoolctl import threadpool_info

from resnetbk.repro import portable
from resnetbk.repro.arithmetic import thread_pools
from resnetbk.repro.determinism import (
    DeterminismWarning,
    DeterministicConfig,
    DeterministicContext,
    enable_deterministic_mode,
    get_deterministic_status,
)
from resnetbk.repro.flags import capture_flags, restore_flags

IN_TIME = """
import sys
from resnetbk.repro.determinism import *
from resnetbk.repro.determinism import DeterministicConfig as Config
assert not {"numpy", "torch"} & sys.modules.keys()
assert get_deterministic_status().level == "fast"
with DeterministicContext(Config(level="portable")):
    import torch
    from resnetbk.repro import portable
    x = torch.randn(300, 96)
    def level(): return get_deterministic_status().level
    def bits(): return (x @ x.t()).exp().numpy().tobytes()
    assert level() == "portable", get_deterministic_status().faults
    expected = bits()
    with DeterministicContext() as default:  # never lower than what is in force
        assert level() == "portable"
        with DeterministicContext(Config(level="machine")):
            assert level() == "machine" and not portable.installed()
            with DeterministicContext(Config(level="fast")):
                assert level() == "fast"
            with default:
                assert level() == "machine"
        assert level() == "portable" and bits() == expected
    enable_deterministic_mode()
    assert level() == "portable"
assert not portable.installed() and level() == "fast"
enable_deterministic_mode(Config(level="portable"))  # the variables stay: it may be asked for again
assert level() == "portable" and bits() == expected
"""


@pytest.fixture(autouse=True)
def nothing_is_left_behind():
    before, pools = capture_flags(), thread_pools()
    yield
    after, installed = capture_flags(), portable.installed()
    restore_flags(before)
    portable.uninstall()
    assert after == before
    assert not installed
    assert thread_pools() == pools


def nondeterministic():
    """Do what torch has no deterministic algorithm for."""
    torch.empty(3).put_(torch.tensor([0, 0]), torch.ones(2), accumulate=False)


@pytest.fixture
def two_threads():
    """As many threads as no level sets."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_machine_is_in_force_in_the_block_and_no_longer_after_it(two_threads):
    before = get_deterministic_status()
    with DeterministicContext(DeterministicConfig(level="machine")):
        status = get_deterministic_status()
        assert status.level == "machine" and status.faults["machine"] == ()
        assert torch.get_num_threads() == 1
        assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {1}
        with pytest.raises(RuntimeError, match="does not have a deterministic implementation"):
            nondeterministic()
    assert get_deterministic_status().flags == before.flags


def test_an_exception_leaves_nothing_behind():
    with pytest.raises(KeyError), DeterministicContext(), DeterministicContext(DeterministicConfig("fast")):
        raise KeyError


def test_one_object_may_be_entered_again():
    context = DeterministicContext(DeterministicConfig(fill_uninitialized_memory=True))
    with context, context:
        assert torch.utils.deterministic.fill_uninitialized_memory
    with context:
        assert torch.empty(3).isnan().all()


def test_what_was_on_before_is_on_afterwards():
    before = capture_flags()
    try:
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.benchmark = True
        mine = capture_flags()
        with DeterministicContext():
            assert not torch.backends.cudnn.benchmark
        assert capture_flags() == mine
    finally:
        restore_flags(before)


def test_warn_only_lets_torch_warn():
    with DeterministicContext(DeterministicConfig(warn_only=True)):
        with pytest.warns(UserWarning, match="does not have a deterministic implementation"):
            nondeterministic()
        assert any("only warns" in fault for fault in get_deterministic_status().faults["machine"])


def test_portable_too_late_is_refused_with_every_reason_and_changes_nothing():
    with pytest.raises(RuntimeError, match="'portable' cannot hold in this process") as error:
        enable_deterministic_mode(DeterministicConfig(level="portable"))
    for reason in ("ATEN_CPU_CAPABILITY", "OPENBLAS_CORETYPE", "before NumPy and torch are imported"):
        assert reason in str(error.value)
    with pytest.raises(RuntimeError), DeterministicContext(DeterministicConfig(level="portable")):
        raise AssertionError("entered")


def test_portable_too_late_may_be_warned_of():
    with pytest.warns(DeterminismWarning, match="ATEN_CPU_CAPABILITY") as warnings:
        context = DeterministicContext(DeterministicConfig(level="portable", warn_only=True))
        with context:
            assert portable.installed()
    assert [warning.filename for warning in warnings] == [__file__]


def test_a_warning_that_is_an_error_changes_nothing():
    with pytest.raises(DeterminismWarning):  # pyproject makes errors of warnings
        enable_deterministic_mode(DeterministicConfig(level="portable", warn_only=True))


def test_portable_in_time_nests_with_the_other_levels():
    run = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", IN_TIME], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(("key", "value"), [("level", "exact"), ("cublas_workspace", ":0:0")])
def test_a_value_that_is_not_offered(key, value):
    with pytest.raises(ValueError, match=f"DeterministicConfig.{key} is one of .*; found '{value}'"):
        DeterministicConfig(**{key: value})
