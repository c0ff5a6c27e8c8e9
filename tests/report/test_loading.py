"""A measured file that is not what its stage writes is refused by file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnetbk.errors import UserError
from resnetbk.report.loading import load_results


def load(root: Path, params):
    return load_results(params, root)


def test_rows_come_in_the_order_of_models_and_seeds(root: Path, params):
    results = load(root, params)
    cells = results.validation[["model", "seed"]].drop_duplicates()
    assert list(cells.itertuples(index=False, name=None)) == [
        (model, seed) for model in params.run.models for seed in params.run.seeds
    ]
    assert len(results.training) == 5 * 3 * 60 and len(results.validation) == 5 * 3 * 6
    assert len(results.positions) == 5 * 3 * 16


@pytest.mark.parametrize(
    ("path", "change", "message"),
    [
        ("metrics/comparison.json", lambda d: d.pop("claims"), r"comparison\.json: claims: Field required"),
        (
            "metrics/comparison.json",
            lambda d: d["comparisons"][1].update(verdict=None),
            r"comparison\.json: comparisons\.1\.verdict: ",
        ),
        (
            "metrics/comparison.json",
            lambda d: d["models"].pop("mamba"),
            r"comparison\.json: models: not of the models",
        ),
        ("metrics/comparison.json", lambda d: d.update(seeds=[0, 1]), r"comparison\.json: seeds: not of"),
        ("metrics/comparison.json", lambda d: d["comparisons"].pop(0), r"comparison\.json: comparisons: not of"),
        (
            "metrics/comparison.json",
            lambda d: d["comparisons"][3].update(against="gpt"),
            r"comparison\.json: comparisons: not of",
        ),
        (
            "metrics/comparison.json",
            lambda d: d["models"]["mamba"]["loss_by_seed"].pop(),
            r"comparison\.json: models\.mamba\.loss_by_seed: not of",
        ),
        ("metrics/comparison.json", lambda d: d.update(claims=[]), r"comparison\.json: claims: "),
        (
            "metrics/comparison.json",
            lambda d: d["models"]["mamba"]["ledger"].pop(),
            r"comparison\.json: models, ledger: not of",
        ),
        (
            "metrics/comparison.json",
            lambda d: d["views"]["flops"]["models"].pop("mamba"),
            r"comparison\.json: views\.flops: not of",
        ),
        (
            "metrics/comparison.json",
            lambda d: d["comparisons"].append(d["comparisons"][0]),
            r"comparison\.json: comparisons: not of",
        ),
        (
            "metrics/comparison.json",
            lambda d: d["attribution"][0]["parts"][1].update(difference=0.01),
            r"comparison\.json: attribution of resnet_bk: its parts sum to .*, and the whole is -0\.08",
        ),
        (
            "metrics/comparison.json",
            lambda d: d["hypotheses"][0].update(comparison="mamba-resnet_bk"),
            r"comparison\.json: hypotheses or attribution rest on mamba-resnet_bk, which is none of",
        ),
        (
            "metrics/evaluate/mamba-1.json",
            lambda d: d.update(loss_by_position=[]),
            r"mamba-1\.json: loss_by_position: ",
        ),
        (
            "metrics/evaluate/mamba-1.json",
            lambda d: d["loss_by_position"].pop(),
            r"evaluate/mamba-1\.json: its values of 'position' are not those of metrics/evaluate/mamba-0\.json",
        ),
        ("metrics/audit/mamba.json", lambda d: d.update(checks={}), r"mamba\.json: checks: "),
        (
            "data/corpus/card.json",
            lambda d: d["splits"]["test"].pop("bytes"),
            r"card\.json: splits\.test\.bytes: ",
        ),
    ],
)
def test_a_malformed_file_is_named_with_its_key(root: Path, params, edit, path, change, message):
    load(root, params)
    edit(path, change)
    with pytest.raises(UserError, match=message):
        load(root, params)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"step": 1, "tokens": 8, "loss": 2.0}\n{"step": 2, "tok', r"mamba-0\.jsonl, line 2: not valid JSON"),
        ('{"step": 1, "tokens": 8, "loss": NaN}\n', r"mamba-0\.jsonl, line 1: loss: "),
        ('{"step": 1, "tokens": 8}\n', r"mamba-0\.jsonl, line 1: loss: Field required"),
        ('{"step": 1, "tokens": 8, "loss": 2.0}\n', r"mamba-0\.jsonl: no row has the key 'validation_loss'"),
        ("[]\n", r"mamba-0\.jsonl, line 1: \(top level\): "),
        (b"\xff\xfe", r"mamba-0\.jsonl: not UTF-8"),
    ],
)
def test_a_broken_history_is_named_with_its_line(root: Path, params, content, message):
    path = root / "metrics/train/mamba-0.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=message):
        load(root, params)


def test_seeds_measured_at_other_steps_are_refused(root: Path, params):
    path = root / "metrics/train/mamba-2.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(UserError, match=r"train/mamba-2\.jsonl: its values of 'step'"):
        load(root, params)
