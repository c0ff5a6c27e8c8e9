from pathlib import Path

import pytest
from tests.packed_corpus import draw_documents, write_corpus

from resnetbk.data.corpus import Corpus
from resnetbk.data.tokenizers import bytes_tokenizer
from resnetbk.errors import UserError
from resnetbk.evaluation.out_of_domain import open_out_of_domain
from resnetbk.evaluation.prepare_out_of_domain import prepare_out_of_domain, texts_of_the_catalogue
from resnetbk.params.corpus import FileCorpus
from resnetbk.repro.files import sha256_file
from resnetbk.repro.sealed import read_sealed, write_sealed

TEXTS = ["Fellow citizens", "a héron", "   ", "the state of the union, " * 20 + "end"]


@pytest.fixture
def corpus(tmp_path) -> Corpus:
    """A run's corpus in bytes."""
    folder = write_corpus(
        tmp_path / "data/corpus", dict.fromkeys(("train", "validation", "test"), draw_documents(0, (9,), 256)), 257
    )
    bytes_tokenizer().save(str(folder / "tokenizer.json"))
    return rewrite(folder, source={"kind": "wheel"}, tokenizer={"kind": "bytes"})


def rewrite(folder: Path, **facts) -> Corpus:
    card = {key: value for key, value in read_sealed(folder / "card.json").items() if key != "sha256"}
    facts["tokenizer"] = facts.get("tokenizer", card["tokenizer"])
    facts["tokenizer"]["sha256"] = sha256_file(folder / "tokenizer.json")
    write_sealed(folder / "card.json", {**card, **facts})
    return Corpus.open(folder)


@pytest.fixture
def source(tmp_path) -> FileCorpus:
    file = tmp_path / "speeches.txt"
    file.write_text("\n\n".join(TEXTS) + "\n")
    return FileCorpus(kind="file", path=str(file), sha256=sha256_file(file), format="paragraphs", licence="mine")


def test_documents_come_back_as_they_were(corpus, source, tmp_path):
    out = tmp_path / "data/out_of_domain"
    card = prepare_out_of_domain({"speeches": source}, corpus, out, tokens=10**6)
    split = open_out_of_domain(out, corpus, ["speeches"])["speeches"]
    texts = [f"{text}\n" for text in TEXTS if text.strip()]
    assert split.name == "speeches" and split.documents[:, 2].tolist() == [len(text.encode()) for text in texts]
    for (start, count, _), text in zip(split.documents, texts, strict=True):
        assert split.tokens[start] == 256
        assert bytes(split.tokens[start + 1 : start + count].tolist()).decode() == text
    facts = card["corpora"]["speeches"]
    assert (facts["documents"], facts["tokens"], facts["licence"]) == (3, len(split), "mine")


def test_the_same_bytes_twice(corpus, source, tmp_path):
    cards = [prepare_out_of_domain({"a": source}, corpus, tmp_path / name, tokens=10**6) for name in ("x", "y")]
    assert cards[0] == cards[1]


def test_reading_stops_where_it_is_told(corpus, source, tmp_path):
    card = prepare_out_of_domain({"a": source}, corpus, tmp_path / "out", tokens=18)
    assert card["corpora"]["a"]["documents"] == 2


def test_none_is_an_empty_directory(corpus, tmp_path):
    prepare_out_of_domain({}, corpus, tmp_path / "out", tokens=5)
    assert open_out_of_domain(tmp_path / "out", corpus, []) == {}


def test_what_is_no_other_text_is_refused(corpus, source, tmp_path):
    own = rewrite(corpus.path, source=source.model_dump(mode="json"))
    with pytest.raises(UserError, match=r"'speeches' is the corpus that the run trains on"):
        prepare_out_of_domain({"speeches": source}, own, tmp_path / "out", tokens=5)
    synthetic = rewrite(corpus.path, source={}, tokenizer={"kind": "words"})
    with pytest.raises(UserError, match=r"synthetic.*set it to \[\]"):
        prepare_out_of_domain({"speeches": source}, synthetic, tmp_path / "out", tokens=5)
    Path(source.path).write_text("  \n")
    empty = source.model_copy(update={"sha256": sha256_file(Path(source.path))})
    with pytest.raises(UserError, match="holds no text"):
        prepare_out_of_domain({"speeches": empty}, corpus, tmp_path / "out", tokens=5)
    assert not (tmp_path / "out").exists()


def test_names_are_those_of_the_catalogue():
    assert texts_of_the_catalogue(["sotu"])["sotu"].kind == "npm"
    for name in ("sotoo", "mqar"):
        with pytest.raises(UserError, match=f"context.out_of_domain: no text called '{name}'"):
            texts_of_the_catalogue([name])


def test_what_is_not_what_was_made_is_refused(corpus, source, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(UserError, match=r"no out-of-domain text; `dvc repro out_of_domain`"):
        open_out_of_domain(out, corpus, ["a"])
    prepare_out_of_domain({"a": source}, corpus, out, tokens=10**6)
    with pytest.raises(UserError, match="holds no 'b'"):
        open_out_of_domain(out, corpus, ["b"])
    (out / "a.tokens").write_bytes(bytes(reversed((out / "a.tokens").read_bytes())))
    with pytest.raises(UserError, match=r"a\.tokens: expected SHA-256"):
        open_out_of_domain(out, corpus, ["a"])
    (corpus.path / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match="encoded with another tokenizer"):
        open_out_of_domain(out, rewrite(corpus.path), ["a"])
