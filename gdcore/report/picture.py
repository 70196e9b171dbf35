"""Pictures within the page: SVG that matplotlib draws, with the page's colours and a text for those who cannot see it.

Design
------
- Texts stay texts, so they can be read aloud, searched and scaled. Nothing in them is taken for a formula.
- The colours of `INK` and the others stand in for variables of the style sheet, so one picture is both light and dark.
- Every id begins with the picture's own name: those of matplotlib repeat from picture to picture.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..base.optional import optional
from .html import Html, element

EXTRA = "gdcore[plot]"
INK, MUTED, LINE, SERIES, SECOND = "#010203", "#040506", "#070809", "#0a0b0c", "#0d0e0f"
VARIABLES = {INK: "ink", MUTED: "muted", LINE: "line", SERIES: "series", SECOND: "second", "#000000": "ink"}
SIZE = (4.3, 3.0)
"""In inches: small, so that the letters are large enough on a telephone."""
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "gdcore",
    "text.parse_math": False,
    "font.size": 8.5,
    "legend.fontsize": 8,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "axes.axisbelow": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}
LONGEST = 22


def need(wanted_by: str) -> None:
    """Make sure that pictures can be drawn, before any work.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    optional("matplotlib.figure", wanted_by, EXTRA)


def picture(
    name: str, title: str, description: str, draw: Callable[[Any], None], size: tuple[float, float] = SIZE
) -> Html:
    """Return a figure with an SVG, its title and its description.

    Parameters
    ----------
    name : str
        One word, which no other picture of the page has.
    title, description : str
        What it shows, and the numbers that matter in it.
    draw : callable
        Draws into the matplotlib Axes that it is given.
    size : (float, float)
        In inches.
    """
    matplotlib = optional("matplotlib", "a report", EXTRA)
    figures = optional("matplotlib.figure", "a report", EXTRA)
    with matplotlib.rc_context(STYLE):
        figure = figures.Figure(figsize=size, layout="constrained")
        ax = figure.subplots()
        draw(ax)
        _plain_ticks(ax)
        found = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        with warnings.catch_warnings():  # a browser has letters that matplotlib's own font lacks
            warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
            figure.savefig(found, format="svg", metadata=nothing, transparent=True)
    caption = element("figcaption", element("b", title), ". ", description)
    return element("figure", _inline(found.getvalue(), name, title, description), caption)


def _plain_ticks(ax: Any) -> None:
    """Write the numbers along the axes as texts: those of matplotlib would be formulas on a logarithmic axis."""
    ticker = optional("matplotlib.ticker", "a report", EXTRA)
    for scale, axis in ((ax.get_xscale(), ax.xaxis), (ax.get_yscale(), ax.yaxis)):
        if scale == "log":
            axis.set_major_formatter(ticker.FuncFormatter(lambda value, place: f"{value:g}"))
            axis.set_minor_formatter(ticker.NullFormatter())
        elif isinstance(axis.get_major_formatter(), ticker.ScalarFormatter):
            axis.set_major_formatter(ticker.FuncFormatter(lambda value, place: f"{round(value, 12) + 0.0:,.6g}"))


def _inline(text: str, name: str, title: str, description: str) -> Html:
    """Return a file of SVG as an element of the page."""
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
    box, body = re.findall(r'<svg[^>]*viewBox="([^"]+)"[^>]*>(.*)</svg>', text, re.DOTALL)[0]
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = body.replace("url(#", f"url(#{name}-").replace('xlink:href="#', f'href="#{name}-')
    body = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font: \1 system-ui, sans-serif", body)
    for colour, variable in VARIABLES.items():
        body = body.replace(colour, f"var(--{variable})")
    return element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", description, id=f"{name}-desc"),
        Html(re.sub(r"\n\s*", "\n", body)),
        viewBox=box,
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )


def bars(values: Any, most: int) -> Any:
    """Return the edges of a histogram of finite numbers, of about sqrt(n) bars and at most so many.

    Numbers that differ by roundoff alone have one bar around them.
    """
    low, high = float(values.min()), float(values.max())
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        margin = 0.5 * max(abs(low), abs(high)) or 0.5
        return np.array([low - margin, high + margin])
    return np.linspace(low, high, min(most, max(5, int(len(values) ** 0.5))) + 1)


def short(text: str, most: int = LONGEST) -> str:
    """Return a name that fits beside an axis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
