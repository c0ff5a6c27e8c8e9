"""A hash is that of the bytes, of the files, or of dtype, shape and bits, and of nothing else."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from resnetbk.repro.hashing import compute_checkpoint_hash, hash_tensor, hash_tensors

COMMANDS = {"sha256": "sha256sum", "sha512": "sha512sum", "blake2b": "b2sum", "md5": "md5sum"}
ODD_NAMES = (b"a b", b"A B", "é".encode(), b"new\nline", b"back\\slash", b"\xff", b"sub/-rf", b"sub/deep/x")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint"
    for number, name in enumerate(ODD_NAMES):
        file = folder / os.fsdecode(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(number))
    (folder / "large").write_bytes(np.random.default_rng(0).bytes(5_000_001))
    return folder


@pytest.mark.parametrize(("algorithm", "command"), COMMANDS.items())
def test_hashes_are_those_of_coreutils(folder: Path, algorithm: str, command: str):
    for file in (folder / "a b", folder / "large"):
        printed = subprocess.run([command, file], check=True, capture_output=True, text=True).stdout
        assert compute_checkpoint_hash(file, algorithm) == printed.split()[0]
    pipeline = f"find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 {command} -- | {command}"
    printed = subprocess.run(pipeline, shell=True, check=True, capture_output=True, text=True, cwd=folder).stdout
    assert compute_checkpoint_hash(folder, algorithm) == printed.split()[0]


def test_a_folder_is_its_names_and_contents(folder: Path, tmp_path: Path):
    before = compute_checkpoint_hash(folder)
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy, copy_function=shutil.copy)  # other dates
    (copy / "empty").mkdir()
    assert compute_checkpoint_hash(copy) == before
    (copy / "a b").rename(copy / "a c")
    renamed = compute_checkpoint_hash(copy)
    (copy / "a c").write_bytes(b"\x01")
    assert len({before, renamed, compute_checkpoint_hash(copy)}) == 3


def test_what_cannot_be_hashed_is_named(folder: Path):
    with pytest.raises(FileNotFoundError, match="absent"):
        compute_checkpoint_hash(folder / "absent")
    with pytest.raises(ValueError, match="algorithm: expected one of sha256, sha512, blake2b, md5, found 'crc32'"):
        compute_checkpoint_hash(folder, "crc32")
    os.mkfifo(folder / "pipe")
    with pytest.raises(ValueError, match="pipe: expected a file"):
        compute_checkpoint_hash(folder)
    (folder / "pipe").unlink()
    (folder / "link").symlink_to(folder / "a b")
    with pytest.raises(ValueError, match="link: a symbolic link"):
        compute_checkpoint_hash(folder)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.float64(1.5),
        np.zeros((0, 3), np.int64),
        np.array([True, False]),
        np.array([1 + 2j], np.complex64),
        np.arange(3, dtype=np.uint16),
        np.arange(3, dtype=np.float16),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_a_tensor_has_one_hash_in_numpy_and_torch(array: np.ndarray):
    expected = hashlib.sha256(f"{array.dtype} {','.join(map(str, array.shape))}\n".encode() + array.tobytes())
    assert hash_tensor(array) == expected.hexdigest()
    tensor = torch.from_numpy(np.array(array))
    assert (
        hash_tensor(tensor) == hash_tensor(torch.nn.Parameter(tensor, requires_grad=False)) == hash_tensor(array)
    )


def test_a_layout_does_not_count():
    tensor = torch.arange(24.0).reshape(4, 6)
    strided = tensor.new_zeros(8, 12)[::2, 1::2]
    strided.copy_(tensor)
    assert hash_tensor(tensor.T.contiguous().T) == hash_tensor(strided) == hash_tensor(tensor)
    assert (
        hash_tensor(tensor.numpy().astype(">f4")) == hash_tensor(np.asfortranarray(tensor)) == hash_tensor(tensor)
    )
    conjugate = torch.tensor([1 + 2j]).conj()
    assert conjugate.is_conj() and hash_tensor(conjugate) == hash_tensor(torch.tensor([1 - 2j]))
    assert hash_tensor(conjugate.imag) == hash_tensor(torch.tensor([-2.0]))  # a view with its negative bit set


def test_bfloat16_has_the_bits_it_should():
    bits = torch.tensor([0x3F80, 0x4000], dtype=torch.int32).to(torch.uint16)  # 1 and 2
    expected = hashlib.sha256(b"bfloat16 2\n" + bits.numpy().tobytes()).hexdigest()
    assert hash_tensor(torch.tensor([1.0, 2.0], dtype=torch.bfloat16)) == expected


def test_ml_dtypes_are_those_of_torch():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    assert hash_tensor(np.ones(3, ml_dtypes.bfloat16)) == hash_tensor(torch.ones(3).bfloat16())
    assert hash_tensor(np.ones(3, ml_dtypes.float8_e4m3fn)) == hash_tensor(torch.ones(3).to(torch.float8_e4m3fn))


def test_dtype_shape_and_every_bit_count():
    zeros = np.zeros(4, np.float32)
    different = [
        zeros,
        zeros.reshape(2, 2),
        zeros.reshape(4, 1),
        zeros.astype(np.int32),
        -zeros,
        np.array([np.nan] * 4, np.float32),
        np.array([0x7FC00001] * 4, np.uint32).view(np.float32),  # a NaN of another payload
        np.zeros((0, 2), np.float32),
        np.zeros((2, 0), np.float32),
        np.zeros((), np.float32),
    ]
    assert len({hash_tensor(array) for array in different}) == len(different)


@pytest.mark.parametrize(
    "strange",
    [
        [1.0],
        np.array(["text"]),
        np.array([None]),
        np.zeros(2, np.longdouble),
        np.zeros(2, [("a", "i1"), ("b", "i8")]),
        np.zeros(2, "V3"),
        torch.zeros(2, device="meta"),
        torch.zeros(2).to_sparse(),
    ],
    ids=["list", "text", "object", "longdouble", "record", "void", "meta", "sparse"],
)
def test_what_is_no_dense_tensor_of_numbers_is_refused(strange):
    with pytest.raises(ValueError, match=r"^w: expected"):
        hash_tensors({"w": strange})


def test_named_tensors():
    tensors = {"b": torch.ones(2), "a": np.zeros(3)}
    expected = f'{hash_tensor(tensors["a"])} "a"\n{hash_tensor(tensors["b"])} "b"\n'
    assert hash_tensors(tensors) == hashlib.sha256(expected.encode()).hexdigest()
    assert hash_tensors(dict(reversed(tensors.items()))) == hash_tensors(tensors)
    swapped = {"a": tensors["b"], "b": tensors["a"]}
    assert len({hash_tensors(some) for some in (tensors, swapped, {"a": tensors["a"]}, {})}) == 4
    assert len(hash_tensors(tensors, "blake2b")) == 128


def test_no_torch_is_needed(tmp_path: Path):
    (tmp_path / "a").write_text("a")
    script = """
import sys
import numpy
from resnetbk.repro.checkpoints import CheckpointVerifier
from resnetbk.repro.hashing import hash_tensor
from resnetbk.repro.lineage import bind
from resnetbk.repro.manifest import create_integrity_manifest
hash_tensor(numpy.zeros(2))
create_integrity_manifest(".")
CheckpointVerifier("registry.json").register("a")
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)
