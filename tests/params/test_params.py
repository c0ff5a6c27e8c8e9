"""params.yaml is checked: types, ranges, names; a fault is named with its line."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from resnetbk.params import ParamsError, json_schema, load_params

PARAMS = Path(__file__).parents[2] / "params.yaml"


def test_the_committed_parameters_are_valid():
    params = load_params(PARAMS)
    assert params.compare.baseline in params.run.models


@pytest.mark.parametrize(
    ("old", "new", "key", "hint"),
    [
        ("  steps:", "  stepz:", "tune.stepz", "did you mean 'steps'"),
        ("state_size: 16", "state_sizes: 16", "models.mamba.state_sizes", "did you mean 'state_size'"),
        ("vocabulary_size:", "vocabulary:", "prepare.tokenizer.vocabulary", "did you mean 'vocabulary_size'"),
        ("\nplot:", "\nplt:", "plt", "did you mean 'plot'"),
        ("kind: bpe ", "kind: bpee ", "prepare.tokenizer", "'bpe', 'gpt2', 'bytes'"),
        ("family: mamba", "family: mambo", "models.mamba", "'resnet_bk', 'mamba', 'mamba2', 'transformer'"),
        ("baseline: mamba", "baseline: mambo", "compare.baseline", "did you mean 'mamba'"),
        (
            "determinism: portable",
            "determinism: perfect",
            "run.determinism",
            "'portable', 'machine' or 'fast'",
        ),
        ("gradient_clip: 1.0", "gradient_clip: 0", "train.gradient_clip", "greater than 0; found 0"),
        ("seeds: [0, 1, 2]", "seeds: [0, 0]", "seeds", "names one twice"),
        ("seeds: [1000]", "seeds: [1000, 1000]", "tune", "names one twice"),
        ("seeds: [1000]", "seeds: [1000, 2]", "tune.seeds has 2", "rates chosen on a seed fit it best"),
        ("beta1: 0.9", "beta1: often", "train.beta1", "found 'often'"),
        ("  alpha: 0.05\n", "", "compare.alpha", "is missing"),
        ("test_fraction: 0.2", "test_fraction: 0.95", "prepare", "must stay below 1"),
        (
            "ffn: {kind: none}",
            "ffn: {kind: dense, ratio: 2, top_k: 1}",
            "ffn.top_k",
            "known here: kind, ratio",
        ),
    ],
)
def test_a_fault_names_file_line_key_and_cure(tmp_path: Path, old: str, new: str, key: str, hint: str):
    text = PARAMS.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "params.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ParamsError) as caught:
        load_params(path)
    fault = next(line for line in str(caught.value).splitlines() if hint in line)
    assert fault.startswith(f"{path}, line ")
    assert key in fault


def test_the_line_is_the_line_of_the_key(tmp_path: Path):
    lines = PARAMS.read_text(encoding="utf-8").splitlines()
    number = next(i for i, line in enumerate(lines) if line.startswith("  batch_size: 4"))
    lines[number] = "  batch_size: -4"
    path = tmp_path / "params.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ParamsError, match=rf"line {number + 1}: train.batch_size: .*found -4"):
        load_params(path)


@pytest.mark.parametrize(("text", "complaint"), [("run: [", "not valid YAML"), ("7", "expected sections run")])
def test_what_is_no_parameter_file_is_refused(tmp_path: Path, text: str, complaint: str):
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParamsError, match=complaint):
        load_params(path)
    with pytest.raises(ParamsError, match="not found"):
        load_params(tmp_path / "other.yaml")


def test_the_exported_schema_accepts_the_file_and_refuses_an_unknown_key():
    document = YAML(typ="safe").load(PARAMS.read_text(encoding="utf-8"))
    schema = json.loads(json.dumps(json_schema()))
    jsonschema.validate(document, schema)
    document["train"]["stepz"] = 1
    with pytest.raises(jsonschema.ValidationError, match="stepz"):
        jsonschema.validate(document, schema)
