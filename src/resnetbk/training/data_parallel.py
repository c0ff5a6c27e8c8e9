"""Gradients of several processes, added in the order of the parts, so that their number does not reach a bit.

A sum of floats depends on its order. `all_reduce` adds in an order that follows the number of processes, so it
is not used. Each process owns one slice of every bucket of gradients: it receives that slice of each part, adds
((g0 + g1) + g2) + ... as one process would, and when all parts are in, the slices of the sum go to everybody.

W processes, S elements of a slice; a bucket has W S.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
import torch.distributed as dist
from torch import Tensor, nn

from resnetbk.training.world import World

BUCKET = 1 << 20  # elements (4 MB of float32): a larger one takes memory, a smaller one more messages


class GradientSum:
    """The sum over the parts of one step of the gradients of `parameters`, left in their `.grad`.

    With one process `.backward()` itself adds the parts in order, and this class has nothing to do. With more,
    a process holds beside the gradients of its own part the slices that it owns (1/W of the gradients) and two
    buckets; a parameter larger than `BUCKET` is a bucket of its own.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], world: World):
        self._world = world
        if world.size == 1:
            return
        self._parameters = [parameter for parameter in parameters if parameter.requires_grad]
        self._buckets = list(_buckets(self._parameters))
        self._sums_S = [torch.full((self._slice(bucket),), -0.0) for bucket in self._buckets]
        self._present = torch.zeros(len(self._parameters), dtype=torch.uint8)

    def add(self, parts: int) -> None:
        """Take the gradients of a round: one part of each of the first `parts` processes.

        Afterwards every `.grad` is None, ready for the next `.backward()`.
        """
        if self._world.size == 1:
            return
        self._present |= torch.tensor([p.grad is not None for p in self._parameters], dtype=torch.uint8)
        for bucket, sum_S in zip(self._buckets, self._sums_S, strict=True):
            part_WS = self._pack(bucket)
            received_WS = torch.empty_like(part_WS)
            with self._world.talking():
                dist.all_to_all_single(received_WS, part_WS)
            for part_S in received_WS[:parts]:
                sum_S += part_S
        for parameter in self._parameters:
            parameter.grad = None

    def finish(self) -> None:
        """Set `.grad` to the sum, on every process; it stays None where no part had a gradient."""
        if self._world.size == 1:
            return
        with self._world.talking():
            dist.all_reduce(self._present, op=dist.ReduceOp.MAX)
        present = {id(p) for p, has in zip(self._parameters, self._present.tolist(), strict=True) if has}
        for bucket, sum_S in zip(self._buckets, self._sums_S, strict=True):
            sum_WS = sum_S.new_empty(self._world.size * len(sum_S))
            with self._world.talking():
                dist.all_gather_single(sum_WS, sum_S)
            pieces = sum_WS[: sum(p.numel() for p in bucket)].split([p.numel() for p in bucket])
            for parameter, piece in zip(bucket, pieces, strict=True):
                if id(parameter) in present:
                    parameter.grad = torch.empty_like(parameter).copy_(piece.view_as(parameter))

    def _slice(self, bucket: list[nn.Parameter]) -> int:
        return -(-sum(parameter.numel() for parameter in bucket) // self._world.size)

    def _pack(self, bucket: list[nn.Parameter]) -> Tensor:
        """Return a bucket's gradients as a matrix, a row for each owner.

        Where a part has no gradient there stands -0.0, the one number that changes none it is added to.
        """
        size = self._slice(bucket)
        packed = torch.full((self._world.size * size,), -0.0)
        pieces = packed[: sum(p.numel() for p in bucket)].split([p.numel() for p in bucket])
        for parameter, piece in zip(bucket, pieces, strict=True):
            if parameter.grad is not None:
                piece.view_as(parameter).copy_(parameter.grad)
        return packed.view(self._world.size, size)


def _buckets(parameters: list[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    """Yield neighbouring parameters together, up to `BUCKET` elements."""
    bucket: list[nn.Parameter] = []
    for parameter in parameters:
        if bucket and sum(p.numel() for p in bucket) + parameter.numel() > BUCKET:
            yield bucket
            bucket = []
        bucket.append(parameter)
    if bucket:
        yield bucket
