"""The results of every version, by the hashes by which records and MLflow's runs know them."""

from __future__ import annotations

import json
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
        """The SHA-256 of every manifest and every evaluation that is in the cache."""
        return {self._sha256(md5) for _, md5 in self._manifests | self._evaluations} - {None}

    @cached_property
    def unknown(self) -> set[str]:
        """The cells of which some version's manifest or evaluation is not in DVC's cache here."""
        return {cell for cell, md5 in self._manifests | self._evaluations if self._sha256(md5) is None}

    @cached_property
    def weights(self) -> set[str]:
        """The hash of the weights of every trained model, by which MLflow's runs are known."""
        known = {md5 for _, md5 in self._manifests if self._sha256(md5)}
        return {json.loads(self._cache.path(md5).read_bytes())["final_weights"] for md5 in known}

    @cached_property
    def _manifests(self) -> set[tuple[str, str | None]]:
        """Each cell with the MD5 of a manifest, None where its folder is not in the cache."""
        return {
            (path.removeprefix(MODELS), self._cache.folder(md5).get(MANIFEST))
            for path, md5 in self._named
            if path.startswith(MODELS) and md5.endswith(".dir")
        }

    @cached_property
    def _evaluations(self) -> set[tuple[str, str]]:
        """Each cell with the MD5 of an evaluation."""
        return {
            (path.removeprefix(EVALUATIONS).removesuffix(".json"), md5)
            for path, md5 in self._named
            if path.startswith(EVALUATIONS) and path.endswith(".json")
        }

    @cached_property
    def _named(self) -> set[tuple[str, str]]:
        return {pair for lock in self._versions.locks for pair in hashed_paths(lock)}

    def _sha256(self, md5: str | None) -> str | None:
        return self._cache.sha256(md5) if md5 else None
