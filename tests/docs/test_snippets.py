"""Every Python snippet of docs/ runs, page by page and in its order, as a reader would paste it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parents[2] / "docs").glob("*.md"))


def snippets(page: Path) -> list[str]:
    """Return the Python blocks of a page; a comment says where each one starts."""
    text = page.read_text(encoding="utf-8")
    return [
        f"# {page.name}, line {text[: match.start()].count(chr(10)) + 2}\n{match[1]}"
        for match in re.finditer(r"^```python\n(.*?)^```", text, re.S | re.M)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_snippets_of_a_page_run(page: Path, tmp_path: Path):
    blocks = snippets(page)
    assert blocks, "a page without a snippet shows nobody how"
    script = tmp_path / "snippets.py"
    script.write_text("\n".join(blocks), encoding="utf-8")
    run = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_the_control_a_snippet_that_fails_is_seen(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("Text.\n```python\nraise SystemExit('broken')\n```\n")
    with pytest.raises(AssertionError, match="broken"):
        test_the_snippets_of_a_page_run(page, tmp_path)
