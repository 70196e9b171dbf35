"""What the pictures have in common, and how they are written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..base.optional import optional, whole_numbers
from .claim import Picture

DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))
MARKERS = "osD^vP"
MARKED = 8
"""A curve has at most this many markers."""
REMEDY = "name another folder, such as --plot pictures"


def curves(ax: Any, series: Mapping[str, Sequence[float]], x: str, y: str, *, log: bool = False) -> None:
    """Draw each of the series over its index, distinguished by dashes, grey and markers, since two may coincide.

    Parameters
    ----------
    ax : matplotlib Axes
    series : mapping
        Label -> values.
    x, y : str
        The axes' labels.
    log : bool, default False
        Whether y is logarithmic.
    """
    for i, (label, values) in enumerate(series.items()):
        shade = str(0.6 * i / max(1, len(series) - 1))
        every = -(-len(values) // MARKED)
        ax.plot(
            range(len(values)),
            values,
            linestyle=DASHES[i % len(DASHES)],
            color=shade,
            label=label,
            marker=MARKERS[i % len(MARKERS)],
            markevery=(i * every // len(series), every),
            markersize=5,
            markerfacecolor="white",
        )
    if log:
        ax.set_yscale("log")
    ax.set(xlabel=x, ylabel=y)
    whole_numbers(ax)
    ax.legend()


def folder(path: Path) -> Path:
    """Return a folder for pictures; it is made before anything is measured if it is missing.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    OSError
        Where the folder cannot be made, or not be written to.
    """
    optional("matplotlib.figure", "--plot", "gdcore[plot]")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"--plot {path} is no folder and none can be made there: {REMEDY}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise OSError(f"--plot {path} cannot be written to: {REMEDY}")
    return path


def write(picture: Picture, directory: Path) -> Path:
    """Draw a picture into a PNG file of its name."""
    figure = optional("matplotlib.figure", "--plot", "gdcore[plot]").Figure(figsize=(7, 4.5), layout="constrained")
    picture.draw(figure.subplots())
    path = directory / f"{picture.name}.png"
    figure.savefig(path, dpi=110)
    return path
