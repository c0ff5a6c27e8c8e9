"""Sends journals to a tracker, and remembers how far it came: what fails is sent again, what was taken is not.

The memory is one JSON file in .resnetbk/sent for each tracker. It is written after the tracker has answered, so a
sender that dies in between says the last part twice; trackers take that, for a point said twice is the same point.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock

from resnetbk.repro.files import sha256_json, write_json
from resnetbk.tracking.journals import Record, journal_outcome, open_journals, read_journal
from resnetbk.tracking.secrets import without_secrets
from resnetbk.tracking.sink import Refused, RunGone, Sink, Training

LOCK_TIMEOUT = 120  # seconds that one sender waits for another
State = dict[str, Any]


class Sender:
    """Brings what stands in a repository's journals to one tracker.

    **Arguments:** `main`: the main repository; `name`: of the tracker; `address`: where it is, so that another
    server begins from nothing; `describe(begin)`: what is known of a training whose journal begins so.
    """

    def __init__(
        self, main: Path, name: str, address: str, sink: Sink, describe: Callable[[Record], Training]
    ) -> None:
        self.name, self._main, self._sink, self._describe = name, main, sink, describe
        self._memory = main / ".resnetbk/sent" / f"{name}-{sha256_json(without_secrets(address))[:16]}.json"

    def drain(self) -> int:
        """Send all that is new; return the number of records.

        **Raises:** whatever the tracker raises; what it took before is remembered.
        """
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self._memory.with_suffix(".lock"), timeout=LOCK_TIMEOUT):
            state = self._recall()
            paths = {path.name: path for path in open_journals(self._main)}
            journals = state["journals"] = {name: state["journals"].get(name, {}) for name in paths}
            for name, journal in journals.items():
                if not journal and (begin := _begin(paths[name])):
                    journal |= {"begin": begin | {"journal": name}, "offset": 0, "run": None, "ended": False}
            waiting = [name for name, journal in journals.items() if journal and not journal["ended"]]
            waiting.sort(key=lambda name: journals[name]["begin"]["time"])
            return sum(self._send(paths[name], journals[name], state) for name in waiting)

    def close(self) -> None:
        """Let go of the tracker."""
        self._sink.close()

    def _send(self, path: Path, journal: State, state: State) -> int:
        """Send what is new in one journal."""
        begin = journal["begin"]
        if begun := journal["run"] is None:
            training = self._describe(begin)
            journal["training"] = f"{training.asked.key} {training.name}"
            earlier = state["runs"].get(journal["training"], {}) if begin["from_step"] else {}
            journal["run"] = self._sink.begin(training, earlier.get("run"))
            journal["after"] = earlier.get("step", 0)  # a resumed training says the steps after its state again
            self._remember(state)
        records, offset = read_journal(path, journal["offset"])
        points = [record for record in records if record["kind"] == "points" and record["step"] > journal["after"]]
        try:
            if points:
                self._sink.points(journal["run"], points)
                state["runs"][journal["training"]] = {"run": journal["run"], "step": points[-1]["step"]}
            last = records[-1] if records else begin
            outcome = journal_outcome([begin, *records])
            if outcome != "running":
                self._sink.end(journal["run"], outcome, last["time"])
                journal["ended"] = True
        except RunGone:
            if begun:
                raise
            journal |= {"run": None, "offset": 0}
            return self._send(path, journal, state)
        except Refused as reason:
            print(without_secrets(f"WARNING: {self.name} refuses part of {path.name}: {reason}"), file=sys.stderr)
            journal["ended"] |= bool(records) and records[-1]["kind"] == "end"
        journal["offset"] = offset
        if records or journal["ended"]:
            self._remember(state)
        return len(records)

    def _recall(self) -> State:
        if not self._memory.exists():
            return {"journals": {}, "runs": {}}
        return json.loads(self._memory.read_text(encoding="utf-8"))

    def _remember(self, state: State) -> None:
        write_json(self._memory, state)


def sent_journals(main: Path) -> set[str]:
    """Return the names of the journals that ended and that every tracker in use has taken to the end."""
    memories = [json.loads(path.read_text(encoding="utf-8")) for path in (main / ".resnetbk/sent").glob("*.json")]
    taken = [{name for name, j in memory["journals"].items() if j and j["ended"]} for memory in memories]
    return set.intersection(*taken) if taken else set()


def _begin(path: Path) -> Record | None:
    """Return a journal's first record once it is written."""
    records, _ = read_journal(path)
    return records[0] if records and records[0]["kind"] == "begin" else None
