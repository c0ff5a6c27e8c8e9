"""A chain of links, each of which binds what an artefact was made from and the link before it.

A link is a small JSON object with a hash of its own, so it can stand in any manifest. The hash of the last link
vouches for the whole chain: none before it can be altered, dropped or swapped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from resnetbk.repro.files import sha256_json

KEYS = ("parent", "data", "code", "params", "plan", "artefact")


class BrokenLink(NamedTuple):
    """The first link of a chain that does not hold: its number from 0, and why."""

    number: int
    reason: str


def bind(*, parent: str | None, data: Any, code: Any, params: Any, plan: Any, artefact: str) -> dict[str, Any]:
    """Bind one artefact to everything it was made from.

    **Arguments:** `parent`: the hash of the link before (its `sha256`), or of whatever the chain starts from, or
    None; `data`: where in which data the work stood (JSON, such as seed, next batch and the hash of the tokens);
    `code`, `params`, `plan`: their hashes, or the JSON itself; `artefact`: the hash of what was made.
    **Returns:** the link: the arguments, and under `sha256` the SHA-256 of their canonical JSON.
    **Raises:** `ValueError` for what is not JSON.
    """
    values = (parent, data, code, params, plan, artefact)
    try:
        content = json.loads(json.dumps(dict(zip(KEYS, values, strict=True)), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"a link holds JSON values only: {error}") from None
    return content | {"sha256": sha256_json(content)}


def check_chain(
    links: Sequence[Mapping[str, Any]], *, root: str | None = None, head: str | None = None
) -> BrokenLink | None:
    """Find the first link of a chain that was altered, or does not follow from the one before.

    **Arguments:** `links`: from the first to the last; `root`: what the first must have as its parent; `head`: the
    hash that the last must have, from a place that the chain's keeper cannot write. Without it a chain that was
    cut short, or made anew as a whole, looks sound.
    **Returns:** the broken link, None for a sound chain. A missing end is a broken link past the last.
    """
    before = root
    for number, link in enumerate(links):
        if not isinstance(link, Mapping) or set(link) != {*KEYS, "sha256"}:
            return BrokenLink(number, f"expected a link with the keys {', '.join(KEYS)} and sha256")
        if sha256_json({key: link[key] for key in KEYS}) != link["sha256"]:
            return BrokenLink(number, "its hash is not that of its content: altered after it was made")
        if link["parent"] != before:
            return BrokenLink(number, f"its parent is {link['parent']}, and the link before is {before}")
        before = link["sha256"]
    if head is not None and before != head:
        return BrokenLink(len(links), f"the chain ends at {before}, expected {head}")
    return None
