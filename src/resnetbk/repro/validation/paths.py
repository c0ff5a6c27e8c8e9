"""Paths below a project's root, as dvc.yaml writes them."""

from __future__ import annotations

from pathlib import PurePosixPath


def within(path: str, folder: str) -> bool:
    """Return whether a path is a folder, or lies in it."""
    return PurePosixPath(path).is_relative_to(folder)


def overlap(one: str, other: str) -> bool:
    """Return whether one of two paths is the other, or lies in it."""
    return within(one, other) or within(other, one)
