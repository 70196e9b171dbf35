"""Optional libraries, imported only when they are needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import checks

WIDE = 30.0
"""If the largest positive value exceeds the least by more than this factor, a linear axis is hard to read."""
BELOW = 3.6
"""Distance of a legend below the axes, in letter heights; the tick labels and the axis label are between."""
COLUMNS, WIDTH = 3, 72
"""A legend has at most this many columns, and this many letters in a row if each entry were as long as the longest."""


def optional(module: str, wanted_by: str, install: str) -> Any:
    """Import and return the module of that name.

    Parameters
    ----------
    module : str
        Its dotted name.
    wanted_by : str
        What the user called.
    install : str
        What pip is to be given.

    Raises
    ------
    ImportError
        Naming both, where it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise checks.missing_library(module.partition(".")[0], wanted_by, install, error) from None


def axes_or_new(ax: Any) -> Any:
    """Return the given matplotlib Axes, or those of a new figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        For what is no Axes.
    """
    pyplot = optional("matplotlib.pyplot", "plot", "gdcore[plot]")
    if ax is None:
        return pyplot.subplots(layout="constrained")[1]
    return checks.axes(ax, pyplot.Axes)


def whole_numbers(ax: Any) -> None:
    """Put ticks only at whole numbers along the x axis of epochs, steps or features, if matplotlib chooses them."""
    locator = ax.xaxis.get_major_locator()
    if type(locator) is optional("matplotlib.ticker", "plot", "gdcore[plot]").AutoLocator:
        locator.set_params(integer=True)


def log_where_wide(ax: Any, values: ArrayLike) -> None:
    """Use a logarithmic y axis, and say so in its label, for nonnegative values that span a wide range."""
    found = np.asarray(values, dtype=np.float64)
    positive = found[np.isfinite(found) & (found > 0)]
    if len(positive) and not (found < 0).any() and positive.max() > WIDE * positive.min():
        ax.set(yscale="log", ylabel=f"{ax.get_ylabel()} (log scale)")


def legend_below(ax: Any, handles: Sequence[Any] | None = None, labels: Sequence[str] | None = None) -> Any:
    """Draw the legend of an Axes below it, in up to three columns; by default of everything with a label.

    In a figure without a layout engine nothing would make room for it there: it stands where it covers least.
    """
    if handles is None or labels is None:
        handles, labels = ax.get_legend_handles_labels()
    if ax.figure.get_layout_engine() is None:
        return ax.legend(handles, labels, loc="best")
    transforms = optional("matplotlib.transforms", "plot", "gdcore[plot]")
    size = optional("matplotlib", "plot", "gdcore[plot]").rcParams["font.size"]
    columns = min(COLUMNS, len(labels), WIDTH // max(map(len, labels), default=1)) or 1
    below = transforms.offset_copy(ax.transAxes, ax.figure, y=-BELOW * size, units="points")
    return ax.legend(
        handles,
        labels,
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=below,
        ncols=columns,
        frameon=False,
        borderaxespad=0,
    )


def data_frame(columns: Mapping[str, Any], wanted_by: str = "to_pandas") -> Any:
    """Return columns, by name, as a pandas DataFrame; `wanted_by` is what the user called.

    Raises
    ------
    ImportError
        If pandas is not installed.
    """
    return optional("pandas", wanted_by, "pandas").DataFrame(columns)
