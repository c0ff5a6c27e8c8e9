"""What one training step of a model costs, counted on the step itself: operations and memory, but no time.

Operations are counted as torch counts them: products of matrices and attention by `torch.utils.flop_counter`, a
multiply-add as two, and the project's kernels by the formulas of `resnetbk.kernels.flops`. Elementwise work in
neither is not counted.

B batch, L length.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TypedDict

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from resnetbk.models.language_model import LanguageModel
from resnetbk.training.live_memory import LiveMemory
from resnetbk.training.loss import next_token_loss
from resnetbk.training.optimiser import build_optimiser

# torch has formulas for its fused attention on CUDA, and none for the one on the CPU.
_ATTENTION = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: lambda q, k, v, *_, **__: sdpa_flop_count(q, k, v),
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: (
        lambda grad, q, k, v, *_, **__: sdpa_backward_flop_count(grad, q, k, v)
    ),
}


class Costs(TypedDict):
    """Of one optimiser step, all its parts together."""

    forward_flops: int
    backward_flops: int
    peak_memory_bytes: int  # weights, gradients, AdamW's moments, activations


def count_costs(model: LanguageModel, tokens_BL: Tensor, labels_BL: Tensor, accumulation: int = 1) -> Costs:
    """Count what one optimiser step of a training costs.

    A copy of the model takes two steps at a learning rate of 0: operations are counted in the first, memory in the
    second, when AdamW has its moments. The model, its gradients and every generator stay as they were. It is the
    kernels' work that is counted even where their slow reference is chosen for the training.

    **Arguments:** `model`: on the CPU; `tokens_BL`, `labels_BL`: int64, one part of the step; `accumulation`: its
    number of parts, at least 1.
    **Returns:** integers, the same for the same model and batch in any process.
    """
    with _untouched(model) as trainee:
        trainee.train()
        optimiser = build_optimiser(trainee, weight_decay=0.1, beta1=0.9, beta2=0.95)
        with FlopCounterMode(display=False, custom_mapping=_ATTENTION) as forward:
            loss = _loss(trainee, tokens_BL, labels_BL)
        with FlopCounterMode(display=False, custom_mapping=_ATTENTION) as backward:
            loss.backward()
        optimiser.step()
        del loss
        optimiser.zero_grad(set_to_none=True)
        with LiveMemory([*_tensors(trainee, optimiser), tokens_BL, labels_BL]) as memory:
            for _ in range(min(accumulation, 2)):  # from the second on, gradients are there while a part runs
                _loss(trainee, tokens_BL, labels_BL).backward()
            nn.utils.clip_grad_norm_(trainee.parameters(), 1.0)
            optimiser.step()
    return {
        "forward_flops": accumulation * forward.get_total_flops(),
        "backward_flops": accumulation * backward.get_total_flops(),
        "peak_memory_bytes": memory.peak,
    }


def tied_embeddings(model: LanguageModel) -> bool:
    """Return whether a model reads its logits off with the table that it looks tokens up in.

    What the model does tells: with one table, the loss after token 0 has a gradient for the rows of other tokens.
    """
    token_BL = torch.zeros(1, 1, dtype=torch.int64)
    with _untouched(model) as trainee:
        logits_BLV = trainee(token_BL)
        next_token_loss(logits_BLV, token_BL).backward()
        tables = [module.weight for module in trainee.modules() if isinstance(module, nn.Embedding)]
        return any(len(table) == logits_BLV.shape[-1] and bool(table.grad[1:].any()) for table in tables)


@contextmanager
def _untouched(model: LanguageModel) -> Iterator[LanguageModel]:
    """Give a copy of a model without gradients, and afterwards every generator of torch as it was."""
    # what a forward left behind, such as a router's loss, is of no use to the copy and cannot be copied
    left = [value for module in model.modules() for value in vars(module).values() if isinstance(value, Tensor)]
    memory = {id(tensor): tensor.detach() for tensor in left}
    # A model that runs none of the kernels has nothing to choose, and its audit does not cover their code.
    selection = sys.modules.get("resnetbk.kernels.selection")
    with torch.random.fork_rng(devices=[]), selection.use("auto") if selection else nullcontext():
        trainee = copy.deepcopy(model, memory)
        trainee.zero_grad(set_to_none=True)
        yield trainee


def _loss(model: LanguageModel, tokens_BL: Tensor, labels_BL: Tensor) -> Tensor:
    return next_token_loss(model(tokens_BL), labels_BL) + model.auxiliary_loss()


def _tensors(model: nn.Module, optimiser: torch.optim.Optimizer) -> Iterator[Tensor]:
    yield from model.parameters()
    yield from model.buffers()
    for moments in optimiser.state.values():
        yield from (value for value in moments.values() if isinstance(value, Tensor))
