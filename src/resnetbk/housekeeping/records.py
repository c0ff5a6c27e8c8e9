"""The records that cells leave in the spool, and the journals of trainings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from resnetbk.housekeeping.finding import Finding
from resnetbk.housekeeping.results import Results
from resnetbk.tracking.journals import journal_outcome, open_journals, read_journal
from resnetbk.tracking.location import spool_folder
from resnetbk.tracking.sender import sent_journals


def unneeded_records(root: Path, results: Results) -> Iterator[Finding]:
    """Yield the records of results that no version has: of the others, MLflow is filled again from them."""
    for path in sorted(spool_folder(root).glob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            output, cell = record["output"], f"{record['model']}-{record['seed']}"
        except (ValueError, TypeError, KeyError):
            continue  # no record of ours
        if output not in results.outputs and cell not in results.unknown:
            yield Finding("record of a cell", path.name, path.stat().st_size, path.unlink)


def sent_to_the_end(root: Path) -> Iterator[Finding]:
    """Yield the journals of trainings that have ended and that every tracker in use has taken whole."""
    sent = sent_journals(root)
    for path in open_journals(root):
        records, _ = read_journal(path)
        if path.name in sent and records and journal_outcome(records) != "running":
            yield Finding("journal that was sent", path.name, path.stat().st_size, path.unlink)
