import bz2

import pytest

from resnetbk.data.wikipedia import MINIMUM_WORDS, articles, plain_text
from resnetbk.errors import UserError

ENOUGH = " word" * MINIMUM_WORDS


def page(title, text, space=0, redirect=False):
    sign = '<redirect title="X"/>' if redirect else ""
    return f"<page><title>{title}</title><ns>{space}</ns>{sign}<revision><text>{text}</text></revision></page>"


def dump(root, *pages, before=""):
    path = root / "dump.bz2"
    xml = f'{before}<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/">{"".join(pages)}</mediawiki>'
    path.write_bytes(bz2.compress(xml.encode()))
    return path


def test_only_articles_of_some_length(root):
    pages = [
        page("Kept", "It is." + ENOUGH),
        page("Talk", "No." + ENOUGH, space=1),
        page("Away", "No." + ENOUGH, redirect=True),
        page("Short", "No."),
    ]
    assert list(articles(dump(root, *pages))) == ["Kept\n\nIt is." + ENOUGH + "\n"]


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("'''Bold''' and ''thin'' [[link|words]] [[plain]].", "Bold and thin words plain."),
        ("A{{cite web|url=x}} b<ref>no [[x]]</ref> c<!-- no -->.", "A b c."),
        ("{| class=x\n| cell\n|}\nAfter.", "After."),
        ("[[File:a.jpg|thumb|A [[caption]]]]Text.[[Category:Things]]", "Text."),
        ("About {{convert|5|km}} off ({{lang|fr|la mer}}).", "About 5 km off (la mer)."),
        ("X ({{IPA|x}}, born 1900) {{IPA|y}} ({{IPA|y}}).", "X (born 1900)."),
        ("== Head ==\nText.\n* one\n* two", "Head\n\nText.\none\ntwo".replace("\n\n", "\n\n")),
        ("5 &lt; 6 &amp;&nbsp;x<br/>y [http://a.b c d]", "5 < 6 & x\ny c d"),
        ("[[:Category:Seen]] [[Page#part]]", "Category:Seen Page"),
    ],
)
def test_what_a_reader_sees(wikitext, text):
    assert plain_text(wikitext).replace("\n\n", "\n") == text.replace("\n\n", "\n")


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_truncated(root, keep):
    path = dump(root, page("Kept", ENOUGH))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(UserError, match="not a whole Wikipedia dump"):
        list(articles(path))


def test_an_entity_bomb_is_refused(root):
    path = dump(root, page("Bomb", "&a;"), before='<!DOCTYPE m [<!ENTITY a "aaaa">]>')
    with pytest.raises(UserError, match="not a whole Wikipedia dump"):
        list(articles(path))
