"""Libraries that gdcore uses where they are installed: imported when they are needed, never before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import checks

WIDE = 30.0
"""Positive values of a larger ratio are hard to read on a linear axis."""
BELOW = 3.6
"""Heights of a letter between axes and a legend below them: the tick labels and the axis label stand there."""
COLUMNS, WIDTH = 3, 72
"""Entries of a legend side by side at the most, and their letters, if each were as long as the longest."""


def optional(module: str, wanted_by: str, install: str) -> Any:
    """The module of that name.

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
    """The matplotlib Axes given, or those of a new figure.

    Raises
    ------
    ImportError
        Where matplotlib is not installed.
    TypeError
        For what is no Axes.
    """
    pyplot = optional("matplotlib.pyplot", "plot", "gdcore[plot]")
    if ax is None:
        return pyplot.subplots(layout="constrained")[1]
    return checks.axes(ax, pyplot.Axes)


def whole_numbers(ax: Any) -> None:
    """Ticks at whole numbers alone along the x axis of epochs, steps or features, where it chooses its ticks itself."""
    locator = ax.xaxis.get_major_locator()
    if type(locator) is optional("matplotlib.ticker", "plot", "gdcore[plot]").AutoLocator:
        locator.set_params(integer=True)


def log_where_wide(ax: Any, values: ArrayLike) -> None:
    """A logarithmic y axis, which its label says, for values from 0 on of which some are many times the least."""
    found = np.asarray(values, dtype=np.float64)
    positive = found[np.isfinite(found) & (found > 0)]
    if len(positive) and not (found < 0).any() and positive.max() > WIDE * positive.min():
        ax.set(yscale="log", ylabel=f"{ax.get_ylabel()} (log scale)")


def legend_below(ax: Any, handles: Sequence[Any] | None = None, labels: Sequence[str] | None = None) -> Any:
    """Draw the legend of an Axes below it, in up to three columns; by default of all that has a label.

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
    return ax.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=below,
                     ncols=columns, frameon=False, borderaxespad=0)  # fmt: skip


def data_frame(columns: Mapping[str, Any]) -> Any:
    """Columns by their names as a pandas DataFrame.

    Raises
    ------
    ImportError
        Where pandas is not installed.
    """
    return optional("pandas", "to_pandas", "pandas").DataFrame(columns)
