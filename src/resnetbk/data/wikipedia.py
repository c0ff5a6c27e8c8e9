"""Articles of a MediaWiki dump as plain text.

The XML is parsed by defusedxml (an entity bomb raises) and one page at a time; the wikitext by
mwparserfromhell. One walk over the parsed nodes keeps what a reader reads and drops templates, tables,
references, formulas, images and categories, which `strip_code` alone would leave in part.
"""

from __future__ import annotations

import bz2
import re
from collections.abc import Iterator
from pathlib import Path

import mwparserfromhell
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse
from mwparserfromhell import nodes
from mwparserfromhell.wikicode import Wikicode

from resnetbk.errors import UserError

MINIMUM_WORDS = 50  # gensim.corpora.wikicorpus.ARTICLE_MIN_WORDS: shorter pages are stubs and lists of links
DROPPED_TAGS = frozenset(
    "table ref references gallery math chem timeline score hiero syntaxhighlight source code pre imagemap "
    "graph mapframe templatestyles style script".split()
)
# Templates whose arguments stand in the sentence: name -> which of them, joined by spaces.
SPOKEN_TEMPLATES = {
    "convert": ("1", "2"),
    "lang": ("2",),
    "transl": ("2",),
    "nowrap": ("1",),
    "nihongo": ("1",),
    "quote": ("1",),
    "small": ("1",),
    "chem": ("1", "2", "3", "4", "5", "6"),
}
CLEANUPS = [
    (re.compile(r"'{2,}"), ""),  # bold and italic
    (re.compile(r"__[A-Z]+__"), ""),  # magic words
    (re.compile(r"[ \t\u00a0]+"), " "),
    (re.compile(r"\((?: ?[,;:])+ ?"), "("),  # what a dropped pronunciation leaves behind
    (re.compile(r" ?\( ?\)"), ""),
    (re.compile(r" +([,.;:)])"), r"\1"),
    (re.compile(r"(?m)^[ ;:]+| +$"), ""),  # indents and definition lists
    (re.compile(r"\n{3,}"), "\n\n"),
]


def articles(path: Path) -> Iterator[str]:
    """Yield the articles of a bz2 dump: the title, a blank line, the text.

    **Arguments:** `path`: a `pages-articles` dump, bz2.
    **Yields:** pages of namespace 0 that are no redirects and have at least `MINIMUM_WORDS` words.
    **Raises:** `UserError` when the file is damaged or no dump.
    """
    try:
        with bz2.open(path) as file:
            for title, wikitext in _pages(file):
                text = plain_text(wikitext)
                if len(text.split()) >= MINIMUM_WORDS:
                    yield f"{title}\n\n{text}\n"
    except (OSError, EOFError, ParseError, DefusedXmlException) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise UserError(f"{path}: not a whole Wikipedia dump in bz2: {error}") from None


def _pages(file: bz2.BZ2File) -> Iterator[tuple[str, str]]:
    for _, element in iterparse(file, events=("end",), forbid_dtd=True):
        if not element.tag.endswith("}page"):
            continue
        space = element.tag.removesuffix("page")
        if element.findtext(f"{space}ns") == "0" and element.find(f"{space}redirect") is None:
            yield element.findtext(f"{space}title", ""), element.findtext(f"{space}revision/{space}text", "")
        element.clear()


def plain_text(wikitext: str) -> str:
    """Return what a reader sees of wikitext, headings on lines of their own."""
    # Without style tags: unbalanced '' and ''' are frequent, and a regular expression removes them.
    text = _render(mwparserfromhell.parse(wikitext, skip_style_tags=True))
    for pattern, replacement in CLEANUPS:
        text = pattern.sub(replacement, text)
    return text.strip()


def _render(code: Wikicode | None) -> str:
    return "" if code is None else "".join(map(_render_node, code.nodes))


def _render_node(node: nodes.Node) -> str:
    if isinstance(node, nodes.Text):
        return node.value
    if isinstance(node, nodes.Wikilink):
        return _render_link(node)
    if isinstance(node, nodes.ExternalLink):
        return _render(node.title)
    if isinstance(node, nodes.Heading):
        return f"\n{_render(node.title).strip()}\n"
    if isinstance(node, nodes.HTMLEntity):
        return node.normalize() or ""
    if isinstance(node, nodes.Template):
        wanted = SPOKEN_TEMPLATES.get(str(node.name).strip().lower(), ())
        return " ".join(_render(node.get(name).value).strip() for name in wanted if node.has(name))
    if isinstance(node, nodes.Tag):
        tag = str(node.tag).strip().lower()
        return "\n" if tag == "br" else "" if tag in DROPPED_TAGS else _render(node.contents)
    return ""  # comments and template arguments


def _render_link(link: nodes.Wikilink) -> str:
    title = str(link.title).strip()
    if ":" in title and not title.startswith(":"):
        return ""  # File:, Category:, and links to other languages
    return _render(link.text) if link.text is not None else title.lstrip(":").partition("#")[0]
