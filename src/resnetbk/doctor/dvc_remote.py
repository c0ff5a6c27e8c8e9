"""Ask one DVC remote whether it is there: `python -m resnetbk.doctor.dvc_remote NAME`; exit code 0 when it is."""

from __future__ import annotations

import sys

PATIENCE = 10  # seconds that a web server gets to answer
REFUSED = (401, 403, 407)


def main(name: str) -> None:
    """End with a message when the remote `name` of this repository does not answer, or refuses."""
    from dvc.repo import Repo

    remote = Repo().cloud.get_remote(name)
    if remote.fs.protocol in ("http", "https"):
        _ask_server(remote.path)
    elif not remote.fs.exists(remote.path):
        if remote.fs.protocol == "local":
            sys.exit("the folder does not exist (mkdir -p makes it, where no disk is to be mounted there)")
        remote.fs.ls(remote.fs.parent(remote.path))  # raises where there is nobody to ask


def _ask_server(url: str) -> None:
    """A page that is missing is an answer too: fsspec's `exists` would not tell it from a server that is down."""
    import requests

    try:
        answer = requests.head(url, timeout=PATIENCE)
    except requests.Timeout:
        sys.exit(f"the server did not answer in {PATIENCE} s")
    except requests.RequestException as error:
        sys.exit(f"{type(error).__name__}: {error}")
    if answer.status_code in REFUSED or answer.status_code >= 500:
        sys.exit(f"the server says {answer.status_code} {answer.reason}")


if __name__ == "__main__":
    main(sys.argv[1])
