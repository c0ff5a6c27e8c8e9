"""Single bits that flip in a file, and back."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator
from pathlib import Path


def flips(file: Path, count: int) -> Iterator[int]:
    """Flip one bit of a file at a time, `count` of them by chance, and yield its number while it is flipped."""
    seed = secrets.randbits(32)
    print(f"{file.name}: seed {seed}")
    draw = random.Random(seed)
    with open(file, "r+b", buffering=0) as stream:
        for _ in range(count):
            bit = draw.randrange(8 * file.stat().st_size)
            _flip(stream, bit)
            yield bit
            _flip(stream, bit)


def _flip(stream, bit: int) -> None:
    stream.seek(bit // 8)
    byte = stream.read(1)[0] ^ 1 << bit % 8
    stream.seek(bit // 8)
    stream.write(bytes([byte]))
