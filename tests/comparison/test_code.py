"""Cells of different code are refused; models may run files of their own."""

from __future__ import annotations

import pytest
from tests.comparison.conftest import SHARED_CODE

from resnetbk.comparison.cells import read_cells
from resnetbk.comparison.code import require_one_code
from resnetbk.comparison.outcome import compare
from resnetbk.errors import UserError

OTHER = "0" * 64  # a SHA-256 of something else


def check(experiment) -> None:
    require_one_code(read_cells(experiment.params.run, experiment.root))


def edit_code(experiment, cell: str, **versions: str) -> None:
    path = f"models/{cell}/manifest.json"
    experiment.edit(path, code=experiment.read(path)["code"] | versions)


def test_one_program_with_a_file_of_its_own_for_each_model_passes(experiment):
    check(experiment)


def test_a_cell_of_an_earlier_version_is_refused(experiment):
    edit_code(experiment, "mamba-1", **{SHARED_CODE: OTHER})
    with pytest.raises(UserError) as caught:
        compare(experiment.params, experiment.root)
    assert str(caught.value) == (
        f"models: mamba-1: trained with another version of {SHARED_CODE} than the other cells; different code "
        "makes different experiments. Run: dvc repro train@mamba-1"
    )


def test_a_model_of_an_earlier_version_is_refused(experiment):
    for seed in range(3):
        edit_code(experiment, f"transformer-{seed}", **{SHARED_CODE: OTHER})
    with pytest.raises(
        UserError, match="models: transformer-0, transformer-1, transformer-2: trained with another"
    ):
        check(experiment)


def test_seeds_of_one_model_ran_the_same_files(experiment):
    edit_code(experiment, "resnet_bk-2", **{"src/resnetbk/models/phase.py": OTHER})
    with pytest.raises(UserError, match=r"models: resnet_bk-2: trained with another version of .*phase\.py"):
        check(experiment)


def test_a_manifest_without_code_is_refused(experiment):
    path = "models/mamba-0/manifest.json"
    manifest = experiment.read(path)
    del manifest["code"]
    experiment.write(path, manifest)
    with pytest.raises(UserError, match=r"mamba-0/manifest\.json: code: Field required"):
        check(experiment)
