"""Live gradients: a parameter that the loss cannot reach is not trained, whatever the configuration says."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import nn

from resnetbk.audit.check import Check


def check_live_gradients(
    model: nn.Module,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> Check:
    """Require a finite, non-zero gradient of the loss in every parameter within the batches given.

    The auxiliary loss is left out: a router that only the load balance moves does not learn to route.

    **Arguments:** `batches`: pairs of tokens_BL and labels_BL, int64; later ones are used only while a
    parameter is still without gradient (an expert may see no token of a small batch); `loss`: the training
    loss.
    **Returns:** a `Check` that names the dead parameters, or the first whose gradient is not finite.
    """
    mode = model.training
    model.train()
    largest = dict.fromkeys((name for name, _ in model.named_parameters()), 0.0)
    used = 0
    try:
        for tokens_BL, labels_BL in batches:
            model.zero_grad(set_to_none=True)
            loss(model(tokens_BL), labels_BL).backward()
            used += 1
            for name, parameter in model.named_parameters():
                if parameter.grad is None:
                    continue
                if not torch.isfinite(parameter.grad).all():
                    return Check(False, f"the gradient of {name} is not finite")
                largest[name] = max(largest[name], parameter.grad.abs().max().item())
            if all(largest.values()):
                break
    finally:
        model.zero_grad(set_to_none=True)
        model.train(mode)
    dead = [name for name, value in largest.items() if value == 0.0]
    weakest = min(largest, key=largest.__getitem__)
    measured = {"parameters": len(largest), "dead": dead, "batches": used}
    if dead:
        return Check(
            False, f"{len(dead)} of {len(largest)} parameters get no gradient: {', '.join(dead)}", measured
        )
    return Check(
        True,
        f"each of {len(largest)} parameters gets a finite, non-zero gradient; the weakest is {weakest}",
        {**measured, "weakest": weakest, "weakest_largest_entry": largest[weakest]},
    )
