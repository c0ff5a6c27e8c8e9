"""Nothing secret leaves for a tracking server, a log or the terminal."""

from __future__ import annotations

import os
import re

from resnetbk.repro.provenance import strip_credentials

_SECRET_NAME = re.compile(r"(PASSWORD|PASSWD|PASSPHRASE|TOKEN|SECRET|CREDENTIALS?|API_?KEY|ACCESS_KEY)", re.I)
_SECRET_QUERY = re.compile(r"([?&](?:[\w-]*(?:token|key|secret|password|signature|sig))=)[^&\s\"'<>]+", re.I)
_SHORTEST = 6  # characters; a shorter value would be found in innocent words


def without_secrets(text: str) -> str:
    """Return a text without what no log may hold.

    Taken out are `user:password@` of every URL, values of query parameters named like tokens, and the values of
    environment variables whose names say that they are secret (MLFLOW_TRACKING_PASSWORD, WANDB_API_KEY ...).
    """
    text = _SECRET_QUERY.sub(r"\1[removed]", strip_credentials(text))
    for name, value in os.environ.items():
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST and not os.path.exists(value):
            text = text.replace(value, f"[{name}]")
    return text
