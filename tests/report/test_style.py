"""Looks follow from the place in run.models alone, are told apart without colour, and can be seen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from resnetbk.report.style import INK, series_style


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2.2)."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("page", ["#ffffff", "#fdfcf9", "#14161a"])
def test_every_series_can_be_seen_on_a_light_and_on_a_dark_page(page: str):
    assert all(contrast(series_style(place).colour, page) >= 3 for place in range(7))
    assert contrast("#f0e442", "#ffffff") < 3  # Okabe and Ito's yellow as it comes would fail


def test_plots_of_dvc_have_the_same_colours():
    colours = [series_style(place).colour for place in range(7)]
    templates = (Path(__file__).parents[2] / ".dvc/plots").glob("*.json")
    ranges = [re.findall(r'"range": \[(.*?)\]', template.read_text(encoding="utf-8")) for template in templates]
    assert ranges == [[", ".join(f'"{colour}"' for colour in colours)]] * 4


def test_ink_of_standalone_figures_can_be_read_on_both():
    assert contrast(INK, "#ffffff") >= 4.5 and contrast(INK, "#14161a") >= 3.9


def test_looks_differ_in_more_than_colour():
    looks = [series_style(place) for place in range(42)]
    assert len({(look.colour, look.marker) for look in looks}) == 42
    assert len({look.marker for look in looks[:6]}) == len({look.glyph for look in looks[:6]}) == 6
    assert len({look.line for look in looks[:5]}) == 5
