"""What a training writes is what a comparison reads: a real cell through the ledger's own records."""

from __future__ import annotations

import pytest
from tests.training.forked import Forked
from tests.training.small_cell import CELL, make_root, small_params, train_small

from resnetbk.comparison.records import HistoryRow, Manifest, Work, read_record
from resnetbk.comparison.timings import Timing, Timings, timing_key, why_not_timed


@pytest.mark.nightly
def test_a_trained_cell_has_every_row(tmp_path):
    root = make_root(tmp_path / "root")
    code, said = Forked(root / "errors", train_small, root).wait()
    assert code == 0, said
    manifest = read_record(root / f"models/{CELL}/manifest.json", Manifest, stage=f"train@{CELL}", sealed=True)
    assert manifest.costs.backward_flops == 2 * manifest.costs.forward_flops  # plain attention: products alone
    assert manifest.costs.peak_memory_bytes > 4 * 4 * 7_000  # weights, gradients and two moments of each
    assert (manifest.steps, manifest.tokens) == (3, 72)
    assert (manifest.initialisation, manifest.tied_embeddings) == ("original", True)
    lines = (root / f"metrics/train/{CELL}.jsonl").read_text().splitlines()
    rows = [HistoryRow.model_validate_json(line) for line in lines]
    assert [row.step for row in rows if row.validation_loss is not None] == [2, 3]
    # The key that a benchmark writes from params.yaml is the one that the manifest is asked for.
    params = small_params()
    work = Work.model_validate(params.train.model_dump())
    key = timing_key(
        params.models["transformer"].model_dump(), work, 8_000, "portable", "auto", manifest.data["train"]
    )
    timing = Timing(key=key, seconds=1, lower_quartile=1, upper_quartile=1, repeats=1)
    assert why_not_timed(Timings(models={"transformer": timing}), {"transformer": manifest}) is None
