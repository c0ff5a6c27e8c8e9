import numpy as np
import pytest

from resnetbk.data.packing import encode, token_type
from resnetbk.data.tokenizers import EOS, bytes_tokenizer, words_tokenizer
from resnetbk.errors import UserError


def test_type_follows_the_vocabulary():
    assert token_type(65536) == np.dtype("<u2")
    assert token_type(65537) == np.dtype("<u4")
    with pytest.raises(UserError, match="does not fit 32-bit"):
        token_type(2**32 + 1)


def test_each_document_opens_with_eos():
    tokens, lengths = encode(["ab", "é"], bytes_tokenizer(), np.dtype("<u2"))
    assert tokens.tolist() == [256, 97, 98, 256, 0xC3, 0xA9]
    assert lengths.tolist() == [3, 3]


def test_a_token_too_large_for_the_type_is_refused():
    tokenizer = words_tokenizer(f"w{number}" for number in range(70000))
    with pytest.raises(UserError, match=r"token 69999 does not fit uint16: the vocabulary \(70,001\)"):
        encode(["w1 w69998"], tokenizer, np.dtype("<u2"))
    assert encode(["w69998"], tokenizer, np.dtype("<u4"))[0].tolist() == [tokenizer.token_to_id(EOS), 69999]
