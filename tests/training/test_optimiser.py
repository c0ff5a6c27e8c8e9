"""AdamW decays matrices and nothing else."""

from __future__ import annotations

import torch
from torch import nn

from resnetbk.training.optimiser import build_optimiser


def test_vectors_and_marked_parameters_are_not_decayed():
    model = nn.Linear(3, 2)
    model.rate = nn.Parameter(torch.ones(2, 2))
    model.rate._no_weight_decay = True
    optimiser = build_optimiser(model, weight_decay=0.5, beta1=0.9, beta2=0.99)
    for group in optimiser.param_groups:
        group["lr"] = 0.1
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    after = model.state_dict()
    assert torch.equal(after["bias"], before["bias"])
    assert torch.equal(after["rate"], before["rate"])
    torch.testing.assert_close(after["weight"], before["weight"] * 0.95)
