"""What MLflow holds of one trained cell, fetched whole before anything is run."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from resnetbk.replay.errors import NotCheckable
from resnetbk.tracking.origin import DIFF, UNTRACKED

CUT = re.compile(r"\n\[(cut here: .*)\]\n\Z")  # how resnetbk.repro.provenance ends a diff that was too long


@dataclass(frozen=True)
class RecordedCell:
    """One run: `points` maps a metric to its (step, value) pairs in order; `folder` holds its artifacts."""

    run_id: str
    model: str
    seed: int
    tags: dict[str, str]
    points: dict[str, list[tuple[int, float]]]
    folder: Path

    @property
    def cell(self) -> str:
        return f"{self.model}-{self.seed}"

    @property
    def title(self) -> str:
        return f"{self.run_id[:8]} {self.cell}"

    @cached_property
    def manifest(self) -> dict[str, Any]:
        return self._json("manifest.json")

    @cached_property
    def evaluation(self) -> dict[str, Any]:
        return self._json("evaluate.json")

    @cached_property
    def audit(self) -> dict[str, Any]:
        return self._json("audit.json")

    @cached_property
    def card(self) -> dict[str, Any]:
        return self._json("card.json")

    @cached_property
    def history(self) -> list[dict[str, Any]]:
        try:
            return [json.loads(line) for line in self.text("history.jsonl").splitlines()]
        except ValueError as error:
            raise NotCheckable(f"run {self.run_id}: its artifact history.jsonl is damaged ({error})") from None

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """What the training was made with; see `resnetbk.repro.provenance.get_environment_info`."""
        return self._json("provenance/environment.json")

    @property
    def commit(self) -> str:
        """The commit that the tree stood on.

        **Raises:** `NotCheckable` when git could not tell.
        """
        commit = self.provenance["git"]["commit"] or ""
        if not re.fullmatch(r"[0-9a-f]{40,64}", commit):
            why = self.provenance["git"]["reason"] or f"found {commit!r}"
            raise NotCheckable(f"run {self.run_id} names no commit ({why}): its code cannot be had again")
        return commit

    @property
    def diff(self) -> str:
        """How the tree differed from its commit, "" where it did not.

        **Raises:** `NotCheckable` when the diff was too long to be recorded whole.
        """
        diff = self.text(DIFF) if (self.folder / DIFF).is_file() else ""
        if cut := CUT.search(diff):
            raise NotCheckable(
                f"run {self.run_id}: its recorded diff is not whole ({cut[1]}), and what was cut off is recorded "
                "nowhere. Commit before a training that is to be replayed"
            )
        return diff

    @property
    def untracked(self) -> dict[str, str | None]:
        """Path to SHA-256 of the files that git did not know, None for those too large to be hashed."""
        return self.provenance["git"]["untracked"] or {}

    def stored(self, path: str) -> Path:
        """Return where the content of an untracked file is, if MLflow was given it."""
        return self.folder / UNTRACKED / path

    def code(self, stage: str) -> dict[str, str] | None:
        """Return path to SHA-256 of what a stage imported, None when no record of it was kept."""
        if stage == "train":
            return self.manifest["code"]
        return self._record(stage).get("code")

    def environment(self, stage: str) -> dict[str, Any] | None:
        """Return what a stage was made with, None when no record of it was kept."""
        return self._record(stage).get("provenance")

    def text(self, name: str) -> str:
        """Return the text of an artifact.

        **Raises:** `NotCheckable` when MLflow does not hold it, or it is no text.
        """
        try:
            return (self.folder / name).read_bytes().decode()
        except FileNotFoundError:
            raise NotCheckable(
                f"run {self.run_id} has no artifact {name}: it is no cell, or its artifacts are gone"
            ) from None
        except UnicodeDecodeError:
            raise NotCheckable(f"run {self.run_id}: its artifact {name} is damaged: it is no text") from None

    def _record(self, stage: str) -> dict[str, Any]:
        name = f"provenance/{stage}.json"
        return self._json(name) if (self.folder / name).is_file() else {}

    def _json(self, name: str) -> dict[str, Any]:
        try:
            value = json.loads(self.text(name))
        except ValueError as error:
            raise NotCheckable(f"run {self.run_id}: its artifact {name} is damaged ({error})") from None
        if not isinstance(value, dict):
            raise NotCheckable(f"run {self.run_id}: its artifact {name} is damaged: expected a mapping")
        return value
