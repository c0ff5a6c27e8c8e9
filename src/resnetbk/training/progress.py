"""Progress of a training on standard error: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Shows step, loss, tokens per second and the time left; nothing it measures reaches an out.

    With several processes one of them is `shown`; all count their tokens.
    """

    def __init__(self, label: str, *, steps: int, tokens_per_step: int, shown: bool = True) -> None:
        self._label, self._steps, self._per_step = label, steps, tokens_per_step
        self.tokens = 0  # that this process has trained on
        self._start = self._last = time.monotonic()
        self._shown = shown
        self._bar = tqdm(total=steps, desc=label, unit="step") if shown and sys.stderr.isatty() else None

    def update(self, step: int, loss: float) -> None:
        """Report that `step` steps are done, the last with this loss (nats per token)."""
        now = time.monotonic()
        self.tokens += self._per_step
        rate = self.tokens / max(now - self._start, 1e-9)
        if self._bar is not None:
            self._bar.update(step - self._bar.n)
            self._bar.set_postfix_str(f"loss {loss:.3f}, {rate:,.0f} tokens/s", refresh=False)
        elif self._shown and (now - self._last >= SECONDS_BETWEEN_LINES or step == self._steps):
            self._last = now
            left = (self._steps - step) * self._per_step / rate
            print(
                f"{self._label}: step {step}/{self._steps}, loss {loss:.3f}, "
                f"{rate:,.0f} tokens/s, {left:.0f} s left",
                file=sys.stderr,
                flush=True,
            )

    def close(self) -> None:
        """Leave the terminal as it was found."""
        if self._bar is not None:
            self._bar.close()
