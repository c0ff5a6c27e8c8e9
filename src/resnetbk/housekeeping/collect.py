"""The command `resnetbk gc`: shows what is not needed, and removes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resnetbk.errors import UserError
from resnetbk.housekeeping.cache import Cache
from resnetbk.housekeeping.finding import Finding
from resnetbk.housekeeping.leftovers import dead_copies, unfinished_files
from resnetbk.housekeeping.records import sent_to_the_end, unneeded_records
from resnetbk.housekeeping.results import Results
from resnetbk.housekeeping.runs import Runs
from resnetbk.housekeeping.states import unneeded_states
from resnetbk.housekeeping.versions import Versions
from resnetbk.housekeeping.work import at_work


def collect(root: Path, *, remove: bool) -> list[Finding]:
    """Find what no commit, no experiment (kept, queued or failed) and not the working tree needs.

    Found are objects of DVC's cache, pipeline runs in MLflow, resume states, records of cells, journals that were
    sent, unfinished files and copies of killed experiments.

    **Arguments:** `root`: of the main repository; `remove`: whether to remove them too.
    **Returns:** what was found, by kind.
    **Raises:** `UserError` when a pipeline runs, or git cannot tell what is needed; nothing was removed then.
    """
    with _alone(root) as store:
        versions = Versions(root)
        cache = Cache(store, versions)
        results = Results(versions, cache)
        own_cache = store.is_relative_to(root)  # other projects may share one that lies elsewhere
        found = [
            *Runs(root, results, versions.experiments).unneeded(),
            *unneeded_states(root, versions),
            *unneeded_records(root, results),
            *sent_to_the_end(root),
            *unfinished_files(root),
            *dead_copies(root),
            *(cache.unneeded() if own_cache else ()),
        ]
        if remove:
            for finding in found:
                finding.remove()
        return found


@contextmanager
def _alone(root: Path) -> Iterator[Path]:
    """Hold DVC's lock while nobody works, so that who begins then waits; yield the folder of DVC's cache."""
    from dvc.lock import LockError
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo, repo.lock:
            if working := at_work(root):
                raise UserError(
                    f"process {', '.join(map(str, working))} runs the pipeline or an experiment here, and may "
                    "need what no commit names yet. Nothing was removed; wait until it has ended"
                )
            yield Path(repo.cache.local_cache_dir)
    except LockError:
        raise UserError("DVC is at work here. Nothing was removed; wait until it has ended") from None
