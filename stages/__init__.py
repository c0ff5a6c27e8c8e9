"""The scripts that dvc.yaml runs, as `python -m stages.<name>` from the repository's root.

A queued experiment runs in a copy of the repository: the copy's own library comes before an installed one.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
