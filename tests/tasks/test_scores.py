import math

import pytest
import torch
from tests.tasks.small_tasks import TASKS, Oracle, counting

from resnetbk.tasks.batches import task_batch
from resnetbk.tasks.generators import UNSCORED
from resnetbk.tasks.scores import answer_loss, score


def batch_of(task, rows=24):
    return task_batch(task, "test", seed=0, step=0, rows=rows, length=16)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_who_knows_the_answers_gets_them_all(task):
    batch = batch_of(task)
    scores = score(Oracle(task), batch, rows=5, buckets=4)
    assert scores["accuracy"] == 1.0
    assert scores["answers"] == sum(row["answers"] for row in scores["by_distance"])
    assert scores["answers"] == int((batch.labels_BL != UNSCORED).sum())
    assert all(row["accuracy"] == 1.0 for row in scores["by_distance"])
    assert scores["loss"] < 0.01


def test_a_wrong_answer_counts_at_its_distance():
    batch = batch_of(counting())
    wrong = batch._replace(labels_BL=batch.labels_BL.clone())
    wrong.labels_BL[:, -1] = (wrong.labels_BL[:, -1] + 1) % 3
    scores = score(Oracle(counting()), wrong, rows=5, buckets=4)
    assert scores["accuracy"] == pytest.approx(14 / 15)
    accuracies = {row["distance"]: row["accuracy"] for row in scores["by_distance"]}
    assert accuracies == {0: 1.0, 4: 1.0, 8: 1.0, 12: pytest.approx(2 / 3)}


class Uniform(Oracle):
    def forward(self, tokens_BL):
        return torch.zeros_like(super().forward(tokens_BL))


class Broken(Oracle):
    def forward(self, tokens_BL):
        logits_BLV = super().forward(tokens_BL)
        logits_BLV[0, -1] = math.nan
        return logits_BLV


def test_the_loss_of_a_guess_is_the_entropy_of_the_vocabulary():
    assert score(Uniform(counting()), batch_of(counting()), rows=24, buckets=1)["loss"] == pytest.approx(
        math.log(4)
    )


def test_an_answer_that_is_not_finite_is_wrong_and_counted():
    scores = score(Broken(counting()), batch_of(counting()), rows=24, buckets=1)
    assert (scores["loss"], scores["non_finite"]) == (None, 1)
    assert scores["accuracy"] == pytest.approx(1 - 1 / (24 * 15))


def test_the_loss_heeds_asked_positions_alone():
    batch = batch_of(TASKS[-1])
    logits_BLV = Oracle(TASKS[-1])(batch.tokens_BL).requires_grad_()
    answer_loss(logits_BLV, batch.labels_BL).backward()
    moved_BL = logits_BLV.grad.abs().sum(-1) > 0
    assert torch.equal(moved_BL, batch.labels_BL != UNSCORED)


def test_the_model_is_left_in_its_mode():
    model = Oracle(counting()).train()
    score(model, batch_of(counting()), rows=24, buckets=1)
    assert model.training
