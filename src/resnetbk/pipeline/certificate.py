"""The certificate of a verification: what was rebuilt, on what, and which hashes matched; as JSON and as Markdown.

Its own hash shows damage and careless editing. It is no signature: who wants to deceive can compute it again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from resnetbk.errors import UserError
from resnetbk.repro.files import write_bytes
from resnetbk.repro.sealed import IntegrityError, read_sealed, write_sealed

Verdict = Literal["identical", "different", "failed"]
VERDICTS = {
    "identical": "Rebuilt from nothing, byte for byte the same.",
    "different": "Rebuilt from nothing, **not** the same.",
    "failed": "**Not** rebuilt: the pipeline failed.",
}


def write_certificate(path: str | Path, facts: dict[str, Any]) -> tuple[Path, Path]:
    """Write a certificate, whole or not at all.

    **Arguments:** `path`: of the JSON; the Markdown lies beside it; `facts`: as `verification` finds them.
    **Returns:** the two paths.
    **Raises:** `UserError` when they cannot be written.
    """
    as_json, as_markdown = certificate_paths(path)
    try:
        digest = write_sealed(as_json, facts)
        write_bytes(as_markdown, render({**facts, "sha256": digest}).encode())
    except OSError as error:
        raise UserError(
            f"{error.filename or as_json}: the certificate cannot be written: {error.strerror}"
        ) from None
    return as_json, as_markdown


def certificate_paths(path: str | Path) -> tuple[Path, Path]:
    """Return where the JSON and the Markdown lie; `path` may have the ending of either or none.

    **Raises:** `UserError` for another ending.
    """
    path = Path(path)
    if path.suffix not in ("", ".json", ".md"):
        raise UserError(f"{path}: a certificate is a .json with a .md beside it; expected one of these endings")
    return path.with_suffix(".json"), path.with_suffix(".md")


def read_certificate(path: str | Path) -> dict[str, Any]:
    """Read a certificate and check its own hash.

    **Raises:** `UserError` when there is none, or it was changed after it was written.
    """
    path = certificate_paths(path)[0]
    try:
        return read_sealed(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no certificate; `resnetbk verify` writes one") from None
    except IntegrityError as error:
        raise UserError(f"{error}. `resnetbk verify` writes a new certificate") from None


def render(facts: dict[str, Any]) -> str:
    """Return a certificate as Markdown."""
    outs = facts["outs"]
    matched = sum(out["matched"] for out in outs)
    made, cpu = facts["machine"], facts["machine"]["cpu"]
    lines = [
        f"# Certificate: {facts['verdict']}",
        "",
        VERDICTS[facts["verdict"]],
        "",
        f"- Commit `{facts['commit']}`{' of ' + facts['remote'] if facts['remote'] else ''}",
        f"- {matched} of {len(outs)} outs of {len({out['stage'] for out in outs})} stages matched",
        f"- Started {facts['started']}, took {facts['seconds']:.0f} s, {facts['jobs']} cells at a time",
        f"- Level `{made['level']}` on {made['machine']}, {cpu['model']}, Python {made['python']['version']}, "
        + ", ".join(f"{name} {version}" for name, version in made["packages"].items()),
        f"- SHA-256 of what {'certificate.json'!r} says: `{facts['sha256']}`".replace("'", "`"),
        "",
    ]
    for title, entries in (("What differs", facts["changed"]), ("Why the bits may differ", facts["why"])):
        if entries:
            lines += [f"## {title}", "", *(f"- {entry}" for entry in entries), ""]
    if facts["distances"]:
        lines += ["## How far apart", "", *(f"- `{path}`: {far}" for path, far in facts["distances"].items()), ""]
    lines += ["## Every out", "", "| stage | out | hash (MD5 of DVC) | matched |", "|---|---|---|---|"]
    for out in outs:
        digest = out["committed"] if out["matched"] else f"{out['committed']} -> {out['rebuilt']}"
        lines.append(
            f"| {out['stage']} | `{out['path']}` | `{digest}` | {'yes' if out['matched'] else '**no**'} |"
        )
    return "\n".join(lines) + "\n"
