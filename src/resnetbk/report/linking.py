"""Numbers as links to where they came from."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from resnetbk.report.numbers import NOTHING
from resnetbk.report.origins import Origin, Sources

# Digits that stand alone, with sign, decimals and exponent: not those of a name (mamba2, SHA-256, x86-64).
_NUMBER = re.compile(
    r"(?<![\w.,-])[-+±\N{MINUS SIGN}]?\d(?:[\d,.]*\d)?(?:e[-+]?\d+)?(?:\N{NO-BREAK SPACE}%)?(?![\w-])"
)


class Linking:
    """Turns texts into HTML in which each number is a link, by `sources`, to the files behind it."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def whole(self, text: str, origin: Origin) -> Markup:
        """Return a text as one link."""
        key = Markup(' data-key="{}"').format(origin.key) if origin.key else ""
        return Markup('<a class="from" href="#{}"{}>{}</a>').format(self._sources[origin.source].anchor, key, text)

    def numbers(self, text: str, origin: Origin | None) -> Markup:
        """Return a text with every number in it a link; without an origin, the text alone."""
        if origin is None:
            return escape(text)
        parts, end = [], 0
        for match in _NUMBER.finditer(text):
            parts += [escape(text[end : match.start()]), self.whole(match.group(), origin)]
            end = match.end()
        return Markup("").join([*parts, escape(text[end:])])

    def cell(self, text: str, origin: Origin | None, prose: bool) -> Markup:
        """Return what stands in a table: one link, or in prose a link for each number."""
        if prose or origin is None or text in ("", NOTHING):
            return self.numbers(text, origin)
        return self.whole(text, origin)

    def of(self, text: object, *source: str, key: str = "") -> Markup:
        """Return a text as one link, its origin spelt out."""
        return self.whole(str(text), Origin(source, key))
