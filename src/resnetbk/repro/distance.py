"""How far two results are apart: absolute, relative, and in units in the last place."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from resnetbk.repro.leaves import Leaf
from resnetbk.repro.ulp import units_in_last_place


@dataclass(frozen=True)
class Distance:
    """The largest differences of one tensor or number from its counterpart.

    `absolute`, `relative` (to the larger magnitude) and `units` (in the last place of its format; None of
    integers) are over the elements that are finite on both sides. `differing` of `size` elements have other bits,
    `not_finite` of these are infinite or NaN on a side. `unlike` says what cannot be measured, such as another
    shape.
    """

    absolute: float = 0.0
    relative: float = 0.0
    units: int | None = None
    differing: int = 0
    not_finite: int = 0
    size: int = 0
    unlike: str | None = None

    @property
    def identical(self) -> bool:
        """Whether every bit is the same."""
        return not self.differing and self.unlike is None

    def __str__(self) -> str:
        if self.identical:
            return "identical"
        if self.unlike and not self.differing:
            return self.unlike
        units = "" if self.units is None else f", {self.units} unit{'s' * (self.units != 1)} in the last place"
        odd = f" ({self.not_finite} not finite)" if self.not_finite else ""
        return (
            f"{self.differing} of {self.size} numbers differ{odd}, at most by {self.absolute:.3g} absolute, "
            f"{self.relative:.3g} relative{units}"
        )


@dataclass(frozen=True)
class Distances:
    """The distance of each part (tensor or number) of two files, in the order of the first file."""

    parts: dict[str, Distance]

    @property
    def identical(self) -> bool:
        """Whether every bit of every part is the same."""
        return self.first is None

    @property
    def first(self) -> str | None:
        """The name of the first part that differs, None where none does."""
        return next((name for name, distance in self.parts.items() if not distance.identical), None)

    @property
    def largest(self) -> Distance:
        """The largest differences over all parts, each figure on its own."""
        found = list(self.parts.values())
        return Distance(
            absolute=max((distance.absolute for distance in found), default=0.0),
            relative=max((distance.relative for distance in found), default=0.0),
            units=max((distance.units for distance in found if distance.units is not None), default=None),
            differing=sum(distance.differing for distance in found),
            not_finite=sum(distance.not_finite for distance in found),
            size=sum(distance.size for distance in found),
            unlike=next((distance.unlike for distance in found if distance.unlike), None),
        )

    def __str__(self) -> str:
        if self.identical:
            return f"identical: {len(self.parts)} parts, bit for bit"
        number = sum(not distance.identical for distance in self.parts.values())
        return (
            f"{number} of {len(self.parts)} parts differ: {self.largest}\n"
            f"the first is {self.first}: {self.parts[self.first]}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the parts that differ, their largest differences and the first of them, for JSON."""
        differing = {name: asdict(part) for name, part in self.parts.items() if not part.identical}
        return {
            "identical": self.identical,
            "first": self.first,
            "largest": asdict(self.largest),
            "parts": len(self.parts),
            "differing": differing,
        }


def distance(first: Leaf | None, second: Leaf | None) -> Distance:
    """Measure how far a leaf is from its counterpart, None where there is none."""
    if first is None or second is None:
        return Distance(unlike=f"only in the {'second' if first is None else 'first'}")
    if first.kind != second.kind:
        return Distance(unlike=f"{first.kind} in the first, {second.kind} in the second")
    if first.shape != second.shape:
        return Distance(unlike=f"shape {first.shape} in the first, {second.shape} in the second")
    if first.bits is None:
        return _between_values(first.value, second.value)
    differs = (first.bits != second.bits).reshape(len(first.numbers), -1).any(1)
    if not differs.any():
        return Distance(size=len(differs), units=0 if first.floating else None)
    wide = np.complex128 if first.dtype.startswith("complex") else np.longdouble
    one, other = first.numbers.astype(wide), second.numbers.astype(wide)
    finite = np.isfinite(one) & np.isfinite(other)
    absolute, relative = _largest(one[finite], other[finite])
    units = None
    if first.floating and finite.any():
        units = int(units_in_last_place(first.bits, second.bits).reshape(len(differs), -1)[finite].max())
    return Distance(absolute, relative, units, int(differs.sum()), int((differs & ~finite).sum()), len(differs))


def _between_values(first: Any, second: Any) -> Distance:
    """Measure Python integers, of any length; what is no number is the same or not."""
    if first == second:
        return Distance(size=1)
    if not isinstance(first, int):
        return Distance(unlike=f"{first!r} in the first, {second!r} in the second")
    absolute = abs(first - second)
    return Distance(float(absolute), absolute / max(abs(first), abs(second)), differing=1, size=1)


def _largest(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Return the largest absolute and relative difference of finite numbers; 0 where there are none."""
    absolute = np.abs(one - other)
    magnitude = np.maximum(np.abs(one), np.abs(other))
    relative = np.divide(absolute, magnitude, out=np.zeros_like(absolute), where=magnitude > 0)
    return float(absolute.max(initial=0)), float(relative.max(initial=0))
