"""A real PostgreSQL server for a test, in a folder of its own."""

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest


def _tool(name):
    """Return the path of one of PostgreSQL's programs, which Debian keeps off the path."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    found = shutil.which(name) or (places and str(places[0]))
    if not found:
        pytest.skip(f"PostgreSQL's {name} is not installed (Debian: apt-get install postgresql)")
    return found


@contextmanager
def postgres(port, password="pa55word"):
    """A server with the user `me`; yields its URI, with the password. Root it refuses: nobody runs it then."""
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="resnetbk-postgres-"))
    (folder / "password").write_text(password)
    if user is not None:
        for path in (folder, folder / "password"):
            os.chown(path, user, -1)
    data = folder / "data"
    options = {"user": user, "cwd": folder, "stdout": subprocess.DEVNULL}
    try:
        initialise = [_tool("initdb"), "-D", data, "-U", "me", "--auth=scram-sha-256", "--no-sync"]
        subprocess.run([*initialise, f"--pwfile={folder / 'password'}"], check=True, **options)
        server = [_tool("postgres"), "-D", data, "-p", str(port), "-k", folder, "-h", "127.0.0.1", "-F"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(server, stderr=log, **options)
        try:
            yield f"postgresql://me:{password}@127.0.0.1:{port}/postgres"
        finally:
            process.terminate()
            process.wait(20)
    finally:
        shutil.rmtree(folder)
