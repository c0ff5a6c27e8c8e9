"""The loss is the mean over all tokens of -log softmax at the label."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from resnetbk.training.loss import next_token_loss


def test_loss_equals_its_definition():
    generator = np.random.default_rng(0)
    logits_BLV, labels_BL = generator.standard_normal((2, 5, 7)), generator.integers(0, 7, (2, 5))
    probability_BLV = np.exp(logits_BLV) / np.exp(logits_BLV).sum(-1, keepdims=True)
    expected = -np.mean([np.log(probability_BLV[b, t, labels_BL[b, t]]) for b in range(2) for t in range(5)])
    found = next_token_loss(torch.from_numpy(logits_BLV), torch.from_numpy(labels_BL))
    assert found.item() == pytest.approx(expected, rel=1e-12)
