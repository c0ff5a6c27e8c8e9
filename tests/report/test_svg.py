"""A figure's bytes depend on the figure alone, and each of the measures that see to it is needed."""

from __future__ import annotations

import matplotlib as mpl
import pytest

from resnetbk.report import svg


def draw() -> bytes:
    with svg.drawing(2, 2) as figure:
        axes = figure.add_axes((0.2, 0.2, 0.7, 0.7))
        axes.plot([0, 1], [0, 1], "o", label="a & b")
        axes.set_title("<loss>")
        return svg.to_svg(figure, "Title", "Description")


def test_the_same_figure_gives_the_same_bytes():
    assert draw() == draw()


def test_bytes_differ_where_ids_are_not_salted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(svg._SETTINGS, "svg.hashsalt", None)
    assert draw() != draw()


def test_a_reader_s_settings_stay_out_of_the_figure_and_come_back_after_it(monkeypatch: pytest.MonkeyPatch):
    plain = draw()
    with mpl.rc_context({"lines.markersize": 20, "axes.linewidth": 5}):
        assert draw() == plain
        assert mpl.rcParams["axes.linewidth"] == 5
        monkeypatch.setattr(mpl, "rcdefaults", lambda: None)
        assert draw() != plain


def test_two_figures_in_one_page_share_no_id_and_follow_its_colour():
    one, other = svg.inline(draw(), "one"), svg.inline(draw(), "other")
    assert 'id="one-figure_1"' in one and 'id="other-figure_1"' in other
    assert 'href="#one-' in one and "url(#one-" in one and 'id="figure_1"' not in one
    assert "currentColor" in one and svg.INK not in one
    assert "&lt;loss&gt;" in one and "xmlns" not in one and "<title" not in one
