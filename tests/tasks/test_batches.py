import pytest
import torch
from tests.tasks.small_tasks import TASKS, counting, mqar

from resnetbk.repro.hashing import hash_tensors
from resnetbk.tasks.batches import SPLITS, task_batch


def rows_of(task, split, seed=0, steps=20):
    batches = [task_batch(task, split, seed=seed, step=step, rows=8, length=64) for step in range(steps)]
    return [tuple(row) for batch in batches for row in batch.tokens_BL.tolist()]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_no_row_comes_twice_in_any_split_or_seed(task):
    rows = [row for split in SPLITS for seed in (0, 1) for row in rows_of(task, split, seed)]
    assert len(set(rows)) == len(rows) == 3 * 2 * 160


def test_two_splits_of_one_stream_would_be_seen(monkeypatch):
    monkeypatch.setitem(SPLITS, "test", SPLITS["train"])
    assert set(rows_of(mqar(), "test")) == set(rows_of(mqar(), "train"))


def test_a_batch_is_a_function_of_its_arguments():
    one = task_batch(counting(), "train", seed=3, step=7, rows=4, length=16)
    torch.randn(3)
    two = task_batch(counting(), "train", seed=3, step=7, rows=4, length=16)
    assert all(torch.equal(a, b) and a.dtype == torch.int64 for a, b in zip(one, two, strict=True))


def test_the_rows_of_a_seed_stay_what_they_were():
    batches = [task_batch(task, "test", seed=0, step=0, rows=8, length=32) for task in TASKS]
    found = hash_tensors(
        {f"{i}.{name}": part for i, b in enumerate(batches) for name, part in b._asdict().items()}
    )
    assert found == "736a605d48dacec5975191a170d8d4e8df37519396ac9f1a7e2d28dec3eea8bd"
