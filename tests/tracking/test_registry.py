"""The best cell's model: found by its alias, loaded by MLflow without a pickle, and checked."""

import json
import shutil

import numpy as np
import pytest
import torch
from tests.tracking.miniature import make_cell
from tests.tracking.test_track import open_database

from resnetbk.errors import UserError
from resnetbk.models.registry import build_model
from resnetbk.params import load_params
from resnetbk.repro.files import write_json
from resnetbk.tracking.registry import DESCRIPTION, WEIGHTS, as_alias
from resnetbk.tracking.served_model import ServedModel
from resnetbk.tracking.track import track
from resnetbk.training.checkpoint import save_weights

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning")
BUDGET, VOCABULARY = 60_000, 300


@pytest.fixture
def model(project, params):
    """A real model of the cell mamba-0, in its folder."""
    model = build_model(params.models["mamba"], VOCABULARY, BUDGET, 0)
    manifest = json.loads((project / "models/mamba-0/manifest.json").read_text())
    manifest |= {"config": params.models["mamba"].model_dump(), "parameter_budget": BUDGET}
    write_json(project / "models/mamba-0/manifest.json", manifest)
    save_weights(model, project / "models/mamba-0" / WEIGHTS)
    return model


def beat(project, cell, loss):
    """Give a cell another validation loss at its end."""
    path = project / f"metrics/train/{cell}.jsonl"
    path.write_text(
        path.read_text() + json.dumps({"step": 600, "tokens": 614_400, "validation_loss": loss}) + "\n"
    )


def test_the_alias_best_names_the_cell_of_the_least_validation_loss(project, params, database):
    beat(project, "mamba-0", 2.0)
    track(params, root=project)
    client = open_database(database)
    version = client.get_model_version_by_alias("resnetbk", "best")
    assert (version.tags["model"], version.tags["seed"], version.tags["validation_loss"]) == ("mamba", "0", "2.0")
    assert version.aliases == ["best", "own-parameters"]
    assert not client.list_artifacts(find(client, "resnet_bk-0").info.run_id, "model"), "the best cell's alone"

    make_cell(project, "resnet_bk", 0, 600, loss=9.0)  # worse on the test split: the choice is not made there
    beat(project, "resnet_bk-0", 1.0)
    track(params, root=project)
    assert client.get_model_version_by_alias("resnetbk", "best").tags["model"] == "resnet_bk"

    make_cell(project, "resnet_bk", 0, 600, loss=8.0)
    beat(project, "resnet_bk-0", 3.0)
    track(params, root=project)
    assert client.get_model_version_by_alias("resnetbk", "best").tags["validation_loss"] == "1.0", "it remains"
    latest = client.get_model_version_by_alias("resnetbk", "own-parameters")
    assert (str(latest.version), latest.tags["model"]) == ("3", "mamba")


def find(client, name):
    (experiment,) = client.search_experiments(filter_string="name LIKE 'resnetbk/%'")
    (run,) = client.search_runs([experiment.experiment_id], f"attributes.run_name = '{name}'")
    return run


@pytest.mark.nightly
def test_mlflow_loads_it_by_its_alias_and_it_gives_the_models_own_logits(
    project, params, database, model, monkeypatch
):
    import mlflow

    beat(project, "mamba-0", 2.0)
    assert track(load_params(), root=project)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    served = mlflow.pyfunc.load_model("models:/resnetbk@best")
    tokens = np.arange(24, dtype=np.int64).reshape(2, 12)
    assert str(served.metadata.signature.outputs) == f"[Tensor('float32', (-1, -1, {VOCABULARY}))]"
    with torch.inference_mode():
        np.testing.assert_array_equal(served.predict(tokens), model.eval()(torch.from_numpy(tokens)).numpy())


def test_weights_that_are_not_those_that_were_stored_are_refused(project, params, database, model, tmp_path):
    beat(project, "mamba-0", 2.0)
    assert track(load_params(), root=project)
    run_id = find(open_database(database), "mamba-0").info.run_id
    (folder,) = (project / "mlruns" / run_id).glob("**/model")
    shutil.copytree(folder, tmp_path / "copy")
    assert not [path for path in folder.iterdir() if path.suffix in (".pkl", ".pickle", ".pt", ".bin")]
    ServedModel(tmp_path / "copy")
    weights = bytearray((tmp_path / "copy" / WEIGHTS).read_bytes())
    weights[-1] ^= 1
    (tmp_path / "copy" / WEIGHTS).write_bytes(weights)
    with pytest.raises(UserError, match=f"its SHA-256 is not the one in {DESCRIPTION}"):
        ServedModel(tmp_path / "copy")


@pytest.mark.parametrize(
    ("name", "alias"), [("hazy-owl", "hazy-owl"), ("own parameters", "own-parameters"), ("v2", "of-v2")]
)
def test_names_as_aliases(name, alias):
    assert as_alias(name) == alias
