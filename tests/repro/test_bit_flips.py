"""Any single flipped bit is found, wherever it lies: in a checkpoint, in a data file, in the manifest itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tests.bit_flips import flips

from resnetbk.repro.checkpoints import CheckpointVerifier
from resnetbk.repro.loading import load_checkpoint
from resnetbk.repro.manifest import MANIFEST, check_integrity_manifest, create_integrity_manifest
from resnetbk.repro.sealed import IntegrityError

FLIPS = 1000
FILES = ("model.safetensors", "tokens.bin", MANIFEST)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    directory = tmp_path / "run"
    directory.mkdir()
    generator = torch.Generator().manual_seed(0)
    save_file(
        {f"layer.{number}": torch.randn(64, 64, generator=generator) for number in range(4)}, directory / FILES[0]
    )
    np.random.default_rng(0).integers(0, 8192, 30_000, dtype=np.uint16).tofile(directory / FILES[1])
    create_integrity_manifest(directory)
    return directory


@pytest.mark.parametrize("name", FILES)
def test_every_flip_is_found_by_the_manifest(directory: Path, name: str):
    found = 0
    for _ in flips(directory / name, FLIPS):
        try:
            found += check_integrity_manifest(directory).changed == (name,)
        except IntegrityError:
            found += name == MANIFEST
    assert found == FLIPS
    assert check_integrity_manifest(directory).intact  # the negative control: it is the flips that were found


def test_every_flip_is_found_by_the_registry(directory: Path, tmp_path: Path):
    verifier = CheckpointVerifier(tmp_path / "registry.json")
    verifier.register(directory / FILES[0])
    for _ in flips(directory / FILES[0], FLIPS // 4):
        assert verifier.verify(directory / FILES[0]).status == "changed"
    for _ in flips(verifier.registry_path, FLIPS // 4):
        with pytest.raises(IntegrityError):
            verifier.verify_all()
    assert verifier.verify(directory / FILES[0]).intact


def test_without_a_hash_most_flips_pass_unseen(directory: Path):
    """The negative control: the format itself notices a flip in its header and no other."""
    unseen = 0
    for _ in flips(directory / FILES[0], 100):
        try:
            unseen += len(load_checkpoint(directory / FILES[0])) == 4
        except ValueError:
            pass
    assert unseen > 90
