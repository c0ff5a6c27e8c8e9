"""The report's page as its elements."""

from __future__ import annotations

import re
from html.parser import HTMLParser


def page(built: dict[str, bytes]) -> str:
    return built["report/index.html"].decode()


def plain(built: dict[str, bytes]) -> str:
    """The page with its numbers as text: their links to where they came from taken away."""
    return re.sub(r'(?s)<a class="from"[^>]*>(.*?)</a>', r"\1", page(built))


class Elements(HTMLParser):
    """Collects elements, ids and what follows from them; refuses a tag that is never closed."""

    VOID = ("meta", "br", "link", "img")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict]] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"{tag} closes something else"

    def named(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.found if name == tag]
