"""Nothing that a checkpoint holds is ever run, and what cannot be loaded is said in one clear error."""

from __future__ import annotations

import io
import os
import pickle
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file, save_model

from resnetbk.repro.loading import load_checkpoint, require_same_architecture

TENSORS = {"w": torch.arange(6.0).reshape(2, 3), "half": torch.ones(2, dtype=torch.bfloat16)}


class Evil:
    """Unpickled, it would make a file; there is no other way to see that code ran."""

    def __init__(self, proof: Path):
        self.proof = proof

    def __reduce__(self):
        return os.system, (f"touch {self.proof}",)


def same(found: dict) -> bool:
    return found.keys() == TENSORS.keys() and all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)


def test_what_a_file_is_does_not_depend_on_its_name(tmp_path: Path):
    save_file(TENSORS, tmp_path / "a.pt")
    torch.save(TENSORS, tmp_path / "b.safetensors")
    torch.save(TENSORS, tmp_path / "old", _use_new_zipfile_serialization=False)
    torch.save({"model": TENSORS, "step": 3}, tmp_path / "state")
    assert all(same(load_checkpoint(tmp_path / name)) for name in ("a.pt", "b.safetensors", "old"))
    state = load_checkpoint(tmp_path / "state")
    assert same(state["model"]) and state["step"] == 3


@pytest.mark.parametrize("how", ["zip", "old", 0, 1, 2, 3, 4, 5])
def test_a_pickle_that_would_run_code_is_refused_by_name(tmp_path: Path, how: str | int):
    file, proof = tmp_path / "evil.pt", tmp_path / "proof"
    content = {"w": torch.zeros(2), "evil": Evil(proof)} if isinstance(how, str) else Evil(proof)
    if isinstance(how, int):
        file.write_bytes(pickle.dumps(content, protocol=how))
    else:
        torch.save(content, file, _use_new_zipfile_serialization=how == "zip")
    with pytest.raises(ValueError, match=rf"evil\.pt: refused, nothing was run: .* would call {os.name}\.system"):
        load_checkpoint(file)
    assert not proof.exists()
    with open(file, "rb") as stream:  # the negative control: it does run code when it is let
        torch.load(stream, weights_only=False) if isinstance(how, str) else pickle.load(stream)
    assert proof.exists()


def test_other_objects_are_refused_by_name(tmp_path: Path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    with pytest.raises(ValueError, match=r"would call torch\.nn\.modules\.linear\.Linear"):
        load_checkpoint(tmp_path / "module.pt")


def cut(write, length: float) -> bytes:
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()[: int(len(stream.getvalue()) * length)]


def safetensors_bytes() -> bytes:
    from safetensors.torch import save

    return save(TENSORS)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "found an empty file"),
        (safetensors_bytes()[:-1], "a safetensors file that is cut short or damaged"),
        (safetensors_bytes()[:40], "a safetensors file that is cut short or damaged"),
        (safetensors_bytes()[:5], "neither safetensors nor"),
        (safetensors_bytes() + b"\0", "a safetensors file that is cut short or damaged"),
        (
            cut(lambda stream: torch.save(TENSORS, stream), 0.5),
            "neither safetensors nor a whole file of torch.save",
        ),
        (pickle.dumps([1, 2], protocol=2), "neither safetensors nor a whole file of torch.save"),
        (b"name,country\n" * 9, "neither safetensors nor"),
        (struct.pack("<Q", 1 << 60) + b"{" * 9, "neither safetensors nor"),
    ],
    ids=["empty", "byte", "header", "start", "longer", "zip", "pickle", "text", "huge"],
)
def test_what_is_no_whole_checkpoint_is_said(tmp_path: Path, content: bytes, fault: str):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match=f"x: .*{fault}"):
        load_checkpoint(tmp_path / "x")


def test_a_directory_and_nothing(tmp_path: Path):
    with pytest.raises(ValueError, match="found a directory; name one of the files"):
        load_checkpoint(tmp_path)
    with pytest.raises(FileNotFoundError, match="absent"):
        load_checkpoint(tmp_path / "absent")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"1.weight": None}, "1.weight is missing$"),
        ({"more": torch.zeros(1), "most": torch.zeros(1)}, r"more is not part of this model \(and 1 more\)"),
        ({"0.weight": torch.zeros(3, 2)}, r"0.weight has the shape \(3, 2\), expected \(2, 3\)"),
        ({"0.bias": torch.zeros(2).double()}, r"0.bias has the dtype torch.float64, expected torch.float32"),
    ],
)
def test_another_architecture_is_refused(changes: dict, fault: str):
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 2))
    tensors = {name: tensor for name, tensor in (model.state_dict() | changes).items() if tensor is not None}
    require_same_architecture(model.state_dict(), model.state_dict())
    with pytest.raises(ValueError, match=f"another architecture: {fault}"):
        require_same_architecture(tensors, model.state_dict())


def test_of_tied_tensors_one_is_enough(tmp_path: Path):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    model[1].weight = model[0].weight
    save_model(model, str(tmp_path / "tied"))
    tensors = load_checkpoint(tmp_path / "tied")
    assert len(tensors) == 3
    require_same_architecture(tensors, model.state_dict())
    with pytest.raises(ValueError, match=r"0\.weight is missing"):
        require_same_architecture({name: tensors[name] for name in ("0.bias", "1.bias")}, model.state_dict())
    untied = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    with pytest.raises(ValueError, match="weight is missing"):
        require_same_architecture(tensors, untied.state_dict())
