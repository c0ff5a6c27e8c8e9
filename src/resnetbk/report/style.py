"""How a series looks: its colour, marker and line follow from its place in run.models and from nothing else."""

from __future__ import annotations

from dataclasses import dataclass

# One grey that stands out from white (4.5:1) and from a dark page (4.2:1): a figure in plots/ may be shown on
# either. On the report's page it gives way to the text's own colour.
INK = "#767676"

# From Okabe and Ito's palette for colour-blind readers, its light hues darkened, so that each keeps a contrast
# of 3:1 or more with white and with a dark page. Seven colours, six markers, five lines: no two of the first
# forty-two series share both colour and marker.
_COLOURS = ("#0072b2", "#d55e00", "#008f68", "#b5539b", "#9a7400", "#7a6ae0", "#c0434f")
_MARKERS = (("o", "●"), ("s", "■"), ("^", "▲"), ("D", "◆"), ("v", "▼"), ("X", "✖"))  # Matplotlib's, and in text
_LINES = ("solid", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (8, 2, 1.5, 2, 1.5, 2)))


@dataclass(frozen=True)
class SeriesStyle:
    """The look of one series in figures (`marker`, `line` as Matplotlib names them) and in text (`glyph`)."""

    colour: str
    marker: str
    glyph: str
    line: str | tuple


def series_style(place: int) -> SeriesStyle:
    """Return the look of the series at a place.

    **Arguments:** `place`: index in run.models, from 0.
    **Returns:** its colour (`#rrggbb`), marker, glyph and line.
    """
    marker, glyph = _MARKERS[place % len(_MARKERS)]
    return SeriesStyle(_COLOURS[place % len(_COLOURS)], marker, glyph, _LINES[place % len(_LINES)])


def line_style(place: int) -> str | tuple:
    """Return the line of the setting at a place, where colour and marker are a model's.

    **Arguments:** `place`: index of the setting, from 0.
    """
    return _LINES[place % len(_LINES)]
