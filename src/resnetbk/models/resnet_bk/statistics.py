"""What a resolvent does with the tokens it is given, in a few numbers for a log.

B batch, N length, H heads.
"""

from __future__ import annotations

import torch
from torch import Tensor

LONGEST_MEMORY = 1e6  # tokens; where rounding makes a transition's size 1, or a little more, its memory is this


@torch.no_grad()
def resolvent_statistics(g_re_BNH: Tensor, g_im_BNH: Tensor, kept_BNH: Tensor) -> dict[str, Tensor]:
    """Summarise the resolvents of a mixer, without gradient.

    **Arguments:** `g_re_BNH`, `g_im_BNH`: Re g and Im g, g != 0; `kept_BNH`: size of the transition from a token's
    state to the next one's, > 0.
    **Returns:** scalars: `resolvent/magnitude`, the mean of |g|; `resolvent/phase`, the angle of the mean of
    g / |g| (the circular mean), from 0 to pi, for Im g > 0; `resolvent/memory_length`, in tokens, the time in
    which a state falls to 1/e, -1 / mean ln(kept) of each head, in the mean over heads.
    """
    size_BNH = torch.sqrt(g_re_BNH * g_re_BNH + g_im_BNH * g_im_BNH)
    re, im = (g_re_BNH / size_BNH).mean(), (g_im_BNH / size_BNH).mean()
    loss_H = -kept_BNH.clamp_min(torch.finfo(kept_BNH.dtype).tiny).log().mean((0, 1))
    return {
        "resolvent/magnitude": size_BNH.mean(),
        "resolvent/phase": torch.acos((re / torch.sqrt(re * re + im * im)).clamp(-1, 1)),
        "resolvent/memory_length": (1 / loss_H.clamp_min(1 / LONGEST_MEMORY)).mean(),
    }
