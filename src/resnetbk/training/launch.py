"""Start a stage again as several processes that share its training, when RESNETBK_PROCESSES asks for them.

The number is no parameter: it is in no hash, for the bits do not depend on it.
"""

from __future__ import annotations

import logging
import os

from resnetbk.errors import UserError

VARIABLE = "RESNETBK_PROCESSES"
SECONDS_TO_STOP = 60  # what a process may take to end its step and save before it is killed


def wanted_processes() -> int:
    """Return how many processes the environment asks for, 1 when it says nothing.

    **Raises:** `UserError` when RESNETBK_PROCESSES is no count.
    """
    text = os.environ.get(VARIABLE, "1")
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"{VARIABLE} is {text!r}; expected a number of processes, 1 or more")
    return int(text)


def require_parts(parts: int, processes: int) -> None:
    """Raise `UserError` when a step has fewer parts (`train.accumulation`) than there are processes."""
    if parts < processes:
        raise UserError(
            f"train.accumulation is {parts}, too few for {processes} processes: each carries whole parts of a "
            f"step, and one part cannot be split. Raise train.accumulation to {processes} or more (and lower "
            "train.batch_size if the tokens of a step are to stay), or use fewer processes"
        )


def relaunched(module: str, arguments: list[str], *, parts: int) -> bool:
    """Run `python -m module arguments` in as many processes as the environment asks for, and wait for them.

    **Arguments:** `module`: the stage that calls this, such as `stages.train`; `arguments`: its command line;
    `parts`: `train.accumulation`.
    **Returns:** True when they have done the work; False when the caller has to do it: one process is wanted, or
    this is one of several already.
    **Raises:** `UserError` for more processes than parts, or when all were killed; `SystemExit` with the code of
    the process that failed, which has said why, or 128 + the signal that stopped this one.
    """
    processes = wanted_processes()
    if processes == 1 or "RANK" in os.environ:
        return False
    require_parts(parts, processes)

    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args, run

    options = ["--standalone", f"--nproc-per-node={processes}", f"--shutdown-timeout={SECONDS_TO_STOP}"]
    logging.disable()  # torch tells of each end at length, where one process has said why
    try:
        run(parse_args([*options, "-m", module, *arguments]))
    except SignalException as error:
        raise SystemExit(128 + error.sigval) from None
    except ChildFailedError as error:
        codes = {rank: failure.exitcode for rank, failure in sorted(error.failures.items())}
        reported = [code for code in codes.values() if code > 0]
        if reported:
            raise SystemExit(min(reported)) from None  # 1 is an error, above 128 are those that it stopped
        killed = ", ".join(f"process {rank} by signal {-code}" for rank, code in codes.items())
        raise UserError(f"all processes were killed ({killed}). The saved state is whole: run again") from None
    finally:
        logging.disable(logging.NOTSET)
    return True
