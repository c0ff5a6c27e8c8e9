"""The results of every version, by the hashes by which records and MLflow's runs know them."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cached_property

from resnetbk.housekeeping.cache import Cache
from resnetbk.housekeeping.versions import Versions, hashed_paths
from resnetbk.tracking.spool import OUTPUTS

MODELS, EVALUATIONS, MANIFEST = "models/", "metrics/evaluate/", OUTPUTS["train"].rsplit("/", 1)[1]


class Results:
    """What each cell's stages have made, over all versions."""

    def __init__(self, versions: Versions, cache: Cache) -> None:
        self._versions, self._cache = versions, cache

    @cached_property
    def outputs(self) -> set[str]:
        """The SHA-256 of every manifest and every evaluation."""
        return {digest for hashes in self._cells.values() for found in hashes.values() for digest in found}

    @cached_property
    def unknown(self) -> set[str]:
        """The cells of which some version's manifest or evaluation is not in DVC's cache here."""
        return {cell for cell, hashes in self._cells.items() if None in hashes["train"] | hashes["evaluate"]}

    @cached_property
    def weights(self) -> set[str]:
        """The hash of the weights of every trained model, by which MLflow's runs are known."""
        return {json.loads(self._cache.path(md5).read_bytes())["final_weights"] for md5 in self._manifests}

    @cached_property
    def _manifests(self) -> set[str]:
        """The MD5 of every manifest in the cache."""
        folders = {
            md5 for lock in self._versions.locks() for path, md5 in hashed_paths(lock) if _is_model(path, md5)
        }
        named = {self._cache.folder(md5).get(MANIFEST) for md5 in folders} - {None}
        return {md5 for md5 in named if self._cache.path(md5).is_file()}

    @cached_property
    def _cells(self) -> dict[str, dict[str, set[str | None]]]:
        cells: dict[str, dict[str, set[str | None]]] = defaultdict(lambda: {"train": set(), "evaluate": set()})
        for lock in self._versions.locks():
            for path, md5 in set(hashed_paths(lock)):
                if _is_model(path, md5):
                    manifest = self._cache.folder(md5).get(MANIFEST)
                    found = self._cache.sha256(manifest) if manifest else None
                    cells[path.removeprefix(MODELS)]["train"].add(found)
                elif path.startswith(EVALUATIONS) and path.endswith(".json"):
                    cell = path.removeprefix(EVALUATIONS).removesuffix(".json")
                    cells[cell]["evaluate"].add(self._cache.sha256(md5))
        return cells


def _is_model(path: str, md5: str) -> bool:
    return path.startswith(MODELS) and md5.endswith(".dir")
