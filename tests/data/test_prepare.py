"""The whole of prepare on small files: its bytes, its card, kills and full disks."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.bit_flips import flips

from resnetbk.data.corpus import Corpus
from resnetbk.data.prepare import prepare
from resnetbk.data.split import SPLITS
from resnetbk.data.tokenizers import load_tokenizer
from resnetbk.errors import UserError
from resnetbk.repro.sealed import read_sealed, write_sealed

SCRIPT = """
import json, re, sys
from pathlib import Path
from resnetbk.data.prepare import prepare
from resnetbk.errors import UserError
from resnetbk.params.corpus import Prepare
try:
    prepare(Prepare.model_validate(json.loads(sys.argv[1])), Path("out"), chunk_documents=int(sys.argv[2]))
except UserError as error:
    sys.exit(str(error))
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])  # peak memory, KiB
"""
ENVIRONMENT = {**os.environ, "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def command(params, chunk_documents):
    return [sys.executable, "-c", SCRIPT, params.model_dump_json(), str(chunk_documents)]


def run(params, chunk_documents=8):
    """Prepare in a process of its own."""
    environment = {**ENVIRONMENT, "DVC_ROOT": os.environ["DVC_ROOT"]}
    return subprocess.run(
        command(params, chunk_documents), env=environment, capture_output=True, text=True, check=False
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def leftovers(root: Path) -> list[str]:
    return [path.name for path in root.iterdir() if path.name.endswith(".partial")]


@pytest.mark.parametrize("kind", ["bpe", "bytes"])
def test_what_is_packed_is_what_was_read(root, jsonl_corpus, make_texts, make_params, kind):
    tokenizer = {"kind": kind, "vocabulary_size": 300} if kind == "bpe" else {"kind": kind}
    texts = make_texts(90)
    card = prepare(make_params(jsonl_corpus([*texts, texts[0], " "]), tokenizer=tokenizer), root / "out")
    corpus = Corpus.open(root / "out")
    assert corpus.card == card
    tokenizer = load_tokenizer(corpus.path / "tokenizer.json")
    read = []
    for name in SPLITS:
        split = corpus.split(name)
        assert card["splits"][name]["tokens"] == len(split) == split.documents[:, 1].sum()
        for first, count, size in split.documents:
            assert split.tokens[first] == corpus.eos_id
            text = tokenizer.decode(split.tokens[first + 1 : first + count].tolist())
            assert len(text.encode()) == size
            read.append(text)
    assert sorted(read) == sorted(texts)
    assert (card["documents_read"], card["duplicates_removed"], card["empty_removed"]) == (92, 1, 1)
    assert card["disjoint"] is True
    assert not list((root / ".resume").glob("prepare-*"))


def test_the_same_bytes_whatever_the_chunks(root, jsonl_corpus, make_texts, make_params):
    params = make_params(jsonl_corpus(make_texts(90)))
    prepare(params, root / "a")
    prepare(params, root / "b", chunk_documents=7)
    prepare(make_params(params.corpus, split_seed=1), root / "c")
    assert contents(root / "a") == contents(root / "b")
    assert contents(root / "a") != contents(root / "c")


def test_bpe_reads_the_train_split_alone(root, jsonl_corpus, make_texts, make_params):
    texts = make_texts(90)
    params = make_params(jsonl_corpus(texts))
    prepare(params, root / "a")
    corpus = Corpus.open(root / "a")
    test = corpus.split("test")
    first, count, _ = test.documents[0]
    text = load_tokenizer(corpus.path / "tokenizer.json").decode(test.tokens[first + 1 : first + count].tolist())
    without = [other for other in texts if other != text]
    assert len(without) == 89
    prepare(make_params(jsonl_corpus(without)), root / "b")
    assert contents(root / "a")["tokenizer.json"] == contents(root / "b")["tokenizer.json"]
    assert contents(root / "a")["train.tokens"] == contents(root / "b")["train.tokens"]
    assert contents(root / "a")["test.tokens"] != contents(root / "b")["test.tokens"]


def test_synthetic_corpora_have_a_token_a_word(root, make_params):
    task = {"kind": "synthetic", "task": "mqar", "documents": 60, "length": 32, "vocabulary": 16, "seed": 0}
    card = prepare(make_params(task), root / "out")
    assert card["tokenizer"]["kind"] == "words"
    assert card["vocabulary_size"] == 17
    assert set(Corpus.open(root / "out").split("train").documents[:, 1]) == {33}


@pytest.mark.parametrize("when", ["000003.parquet", "000003.npz"])
def test_a_kill_changes_no_byte(root, jsonl_corpus, make_texts, make_params, when):
    """SIGKILL while documents are read, then while they are tokenised; the next run goes on from there."""
    params = make_params(jsonl_corpus(make_texts(400)), tokenizer={"kind": "bytes"})
    prepare(params, root / "undisturbed", chunk_documents=8)
    (root / "out").mkdir()
    (root / "out" / "old").write_text("what was there")
    environment = {**ENVIRONMENT, "DVC_ROOT": str(root)}
    with subprocess.Popen(command(params, 8), env=environment, stderr=subprocess.DEVNULL) as process:
        while not list((root / ".resume").glob(f"prepare-*/{when}")):
            assert process.poll() is None
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert contents(root / "out") == {"old": b"what was there"}
    (root / f".out.{process.pid}.partial").mkdir()  # as a kill while the result is put together leaves it

    result = run(params)
    assert result.returncode == 0, result.stderr
    sign = r"resuming after \d+ documents" if when.endswith("parquet") else r"resuming after \d+ of 50 tokenised"
    assert re.search(sign, result.stderr), result.stderr
    assert contents(root / "out") == contents(root / "undisturbed")
    assert not leftovers(root)


def test_other_parameters_do_not_resume(root, jsonl_corpus, make_texts, make_params, capfd):
    corpus = jsonl_corpus(make_texts(2))
    for seed in (0, 1):
        with pytest.raises(UserError, match="empty split"):
            prepare(make_params(corpus, split_seed=seed), root / "out")
    assert "resuming" not in capfd.readouterr().err
    assert len(list((root / ".resume").glob("prepare-*"))) == 2


SMALL_DISK = """
import hashlib, json, shutil, subprocess, sys
from pathlib import Path
from resnetbk.data.prepare import prepare
from resnetbk.errors import UserError
from resnetbk.params.corpus import Prepare
params = Prepare.model_validate(json.loads(sys.argv[1]))
def contents():
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in Path("disk/out").iterdir()}
subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={sys.argv[2]}k", "small", "disk"], check=True)
Path("disk/out").mkdir()
Path("disk/out/old").write_text("what was there")
try:
    prepare(params, Path("disk/out"), chunk_documents=64)
    message = "no error"
except UserError as error:
    message = str(error)
kept = [path.name for path in Path("disk/out").iterdir()]
partial = [path.name for path in Path("disk").glob("*.partial")]
subprocess.run(["mount", "-t", "tmpfs", "-o", "remount,size=50m", "small", "disk"], check=True)
prepare(params, Path("disk/out"), chunk_documents=64)
print(json.dumps([message, kept, partial, contents()]))
"""
NAMESPACE = ["unshare", "--map-root-user", "--mount"]


def namespaces_work() -> bool:
    try:
        return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not namespaces_work(), reason="needs a mount namespace for a small disk")
@pytest.mark.parametrize("kibibytes", [80, 260, 500, 720])
def test_a_full_disk(root, jsonl_corpus, make_texts, make_params, kibibytes):
    """A disk that fills up while reading, tokenising or packing; then there is room and the work goes on."""
    params = make_params(jsonl_corpus(make_texts(1200)), tokenizer={"kind": "bytes"})
    prepare(params, root / "out", chunk_documents=64)
    (root / "disk").mkdir()
    inside = make_params({**params.corpus.model_dump(), "path": "../corpus.jsonl"}, tokenizer={"kind": "bytes"})
    result = subprocess.run(
        [*NAMESPACE, sys.executable, "-c", SMALL_DISK, inside.model_dump_json(), str(kibibytes)],
        env={**ENVIRONMENT, "DVC_ROOT": str(root / "disk")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    message, kept, partial, packed = json.loads(result.stdout)
    assert message.startswith("the disk is full")
    assert (kept, partial) == (["old"], [])
    there = {name: hashlib.sha256(content).hexdigest() for name, content in contents(root / "out").items()}
    differing = {name for name, digest in there.items() if packed[name] != digest}
    assert differing == {"card.json"}  # it states the path of the source


def test_a_refused_source_leaves_what_was_there(root, jsonl_corpus, make_texts, make_params):
    corpus = jsonl_corpus(make_texts(90))
    prepare(make_params(corpus), root / "out")
    before = contents(root / "out")
    (root / "corpus.jsonl").write_text("changed")
    with pytest.raises(UserError, match="has changed: expected SHA-256"):
        prepare(make_params(corpus), root / "out")
    assert contents(root / "out") == before
    assert not leftovers(root)


def test_memory_does_not_grow_with_the_corpus(make_texts, make_params, jsonl_corpus):
    def peak(copies, chunk_documents):
        texts = [f"{copy} {text}" for copy in range(copies) for text in make_texts(600)]
        result = run(make_params(jsonl_corpus(texts), tokenizer={"kind": "bytes"}), chunk_documents)
        assert result.returncode == 0, result.stderr
        return int(result.stdout)

    small, large, in_one_chunk = peak(1, 100), peak(8, 100), peak(8, 4800)
    print(small, large, in_one_chunk)
    assert large < small + 6144 < in_one_chunk


def test_a_packed_corpus_that_is_not_whole_is_refused(root, jsonl_corpus, make_texts, make_params):
    with pytest.raises(UserError, match="no packed corpus"):
        Corpus.open(root / "out")
    prepare(make_params(jsonl_corpus(make_texts(90))), root / "out")
    tokens = root / "out" / "test.tokens"
    whole = tokens.read_bytes()
    tokens.write_bytes(whole[:-2])
    with pytest.raises(UserError, match=r"test.tokens: expected [\d,]+ bytes, found"):
        Corpus.open(root / "out")
    tokens.write_bytes(whole[:-2] + b"\1\1")
    with pytest.raises(UserError, match=r"test.tokens: expected SHA-256"):
        Corpus.open(root / "out").split("test")
    tokens.write_bytes(whole)
    documents = root / "out" / "test.documents.npy"
    index = np.load(documents)
    np.save(documents, index + 1)
    with pytest.raises(UserError, match=r"test.documents.npy: expected SHA-256"):
        Corpus.open(root / "out").split("test")
    np.save(documents, index)
    (root / "out" / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match=r"tokenizer.json: expected SHA-256"):
        Corpus.open(root / "out")


def test_a_card_that_is_not_what_was_written_is_refused(root, jsonl_corpus, make_texts, make_params):
    prepare(make_params(jsonl_corpus(make_texts(90))), root / "out")
    file = root / "out" / "card.json"
    card, text = read_sealed(file), file.read_text()
    assert np.dtype(card["dtype"]) == np.uint16
    file.write_text(text.replace('"eos_id": 0', '"eos_id": 1'))
    with pytest.raises(UserError, match=r"card.json: .* damaged or edited; run `dvc repro -f prepare`"):
        Corpus.open(root / "out")
    write_sealed(file, {**card, "vocabulary_size": 70000})
    with pytest.raises(UserError, match="vocabulary of 70,000 does not fit uint16"):
        Corpus.open(root / "out")


def test_every_flipped_bit_of_a_packed_corpus_is_found(root, jsonl_corpus, make_texts, make_params):
    prepare(make_params(jsonl_corpus(make_texts(90)), tokenizer={"kind": "bytes"}), root / "out")
    files = sorted((root / "out").iterdir())
    assert len(files) == 2 + 2 * len(SPLITS)
    for file in files:
        for _ in flips(file, 1000 // len(files)):
            with pytest.raises(UserError, match="out/"):
                corpus = Corpus.open(root / "out")
                for split in SPLITS:
                    corpus.split(split)
    Corpus.open(root / "out").split("test")
