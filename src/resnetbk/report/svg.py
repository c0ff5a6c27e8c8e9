"""Matplotlib's SVG with what is accidental taken out: dates, versions, random ids, the reader's settings, fonts.

Text stays text (`svg.fonttype: none`): it can be searched, copied, read aloud and set in the page's own font, and
no outline of a glyph, which follows FreeType's version, gets into the bytes.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from resnetbk.report.style import INK

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_FONTS = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
_SETTINGS = {
    "svg.hashsalt": "resnetbk",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # ships with Matplotlib, so its widths are the same everywhere
    "font.size": 9.5,
    "text.parse_math": False,
    "axes.formatter.use_mathtext": False,
    "axes.formatter.use_locale": False,
    "axes.formatter.useoffset": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelsize": "medium",
    "axes.titlesize": "medium",
    "xtick.labelsize": "medium",
    "ytick.labelsize": "medium",
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "legend.fontsize": "medium",
    "legend.frameon": False,
    "legend.handlelength": 2.8,
    **{
        key: INK
        for key in (
            "text.color",
            "axes.edgecolor",
            "axes.labelcolor",
            "axes.titlecolor",
            "xtick.color",
            "ytick.color",
            "grid.color",
        )
    },
}


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """Give an empty figure under the report's own settings, whatever matplotlibrc the reader has.

    **Arguments:** `width`, `height`: in inches.
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        figure = Figure(figsize=(width, height))
        FigureCanvasSVG(figure)
        yield figure


def to_svg(figure: Figure, title: str, description: str) -> bytes:
    """Return a figure as an SVG file on a transparent ground. Call it inside `drawing`.

    **Arguments:** `title`: a few words; `description`: what a reader who does not see the figure should know.
    **Returns:** the file's bytes, a function of the figure and the two texts alone.
    """
    buffer = io.BytesIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    root = ElementTree.fromstring(buffer.getvalue())
    for parent in list(root.iter(f"{{{_SVG}}}defs")):
        for sheet in parent.findall(f"{{{_SVG}}}style"):  # a rule for `*`, which would reach the whole page
            parent.remove(sheet)
    root.set("style", f"stroke-linejoin: round; stroke-linecap: butt; font-family: {_FONTS}")
    root.set("role", "img")
    root.set("aria-label", description)
    for element in root.iter(f"{{{_SVG}}}text"):
        element.set("style", re.sub(r"font-family: [^;]*(; )?", "", element.get("style", "")))
    heading = ElementTree.Element(f"{{{_SVG}}}title")
    heading.text = title
    root.insert(0, heading)
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def inline(svg: bytes, prefix: str) -> str:
    """Return an SVG file as an element for an HTML page: ids of its own, the page's text colour and font.

    **Arguments:** `svg`: bytes from `to_svg`; `prefix`: unique in the page, put before every id.
    """
    root = ElementTree.fromstring(svg)
    root.remove(root.find(f"{{{_SVG}}}title"))  # a browser would show it as a tooltip all over the figure
    root.set("style", "stroke-linejoin: round; stroke-linecap: butt")
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
        for key, value in list(element.attrib.items()):
            if key == "id":
                value = f"{prefix}-{value}"
            elif key == f"{{{_XLINK}}}href":
                del element.attrib[key]
                key, value = "href", value.replace("#", f"#{prefix}-", 1)
            else:
                value = value.replace("url(#", f"url(#{prefix}-").replace(INK, "currentColor")
            element.set(key, value)
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)
