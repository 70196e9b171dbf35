"""Values over one or two axes, and the steps on them.

Design
------
- Contours lie at the squares of evenly spaced quantiles of what is drawn: as many lines in a narrow valley as on high
  walls around it, whatever the function's scale, and more of them low than high.
- White is low, grey is high; a path is black, hollow square at its start and filled star at its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from . import checks as plot_checks

Vector = NDArray[np.float64]

MARGIN = 0.15
"""The window extends this share of the path's width beyond it on either side."""
GREYS = 0.65
"""Grey values of the areas, up to the highest; white is 1."""
LABEL = 0.05
"""A contour's label stays this share of the picture's width and height away from its edges and from a path."""
MARKED = 200
"""A path with at most this many points has a marker at each."""


def window_around(places: Vector, window: Iterable[object] | None) -> Vector:
    """Return the given window, or one around all points (k, n): the lowest and highest numbers, shape (n, 2)."""
    if window is not None:
        return plot_checks.window(window, places.shape[1])
    low, high = places.min(axis=0), places.max(axis=0)
    width = high - low
    margin = MARGIN * np.maximum(width, width.max() / 2)
    margin[margin == 0] = 1.0
    return np.stack([low - margin, high + margin], axis=1)


@final
class Grid(NamedTuple):
    """Values of a function at evenly spaced points."""

    axes: list[Vector]
    """One or two arrays, (resolution,) each."""
    values: Vector
    """An array with a dimension for each axis, in their order."""


def over_grid(fun: Callable[[Vector], float], window: Vector, resolution: int) -> Grid:
    """Evaluate a function of one or two numbers, as an array (n,), at every point of a grid in the window (n, 2)."""
    axes = [np.linspace(low, high, resolution) for low, high in window]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    with np.errstate(all="ignore"):
        values = np.array([fun(point) for point in points.reshape(-1, len(axes))])
    plot_checks.some_finite(values)
    return Grid(axes, values.reshape(points.shape[:-1]))


def draw_contours(ax: Any, grid: Grid, levels: int, places: Vector, name: str) -> None:
    """Draw areas and contour lines of a function of two numbers with a colour bar; labels keep away from points (k, 2)
    and edges.

    The bar beside the axes is labelled with the function's name.

    Nothing where the function is constant.
    """
    across, up = grid.axes
    values = np.ma.masked_invalid(grid.values.T)
    heights = contour_levels(values.compressed(), levels)
    if len(heights) > 1:
        greys = [str(grey) for grey in np.linspace(1.0, GREYS, len(heights) + 1)]
        areas = ax.contourf(across, up, values, levels=heights, colors=greys, extend="both")
        lines = ax.contour(across, up, values, levels=heights, colors="0.4", linewidths=0.6)
        for label in ax.clabel(lines, heights[::2], fmt="%.3g", fontsize=7, colors="black"):
            if _covered(np.array(label.get_position()), grid, places):
                label.remove()
        bar = ax.figure.colorbar(areas, ax=ax, ticks=heights[::2], format="%.3g", label=name)
        bar.ax.tick_params(labelsize="small")
    ax.set(xlim=across[[0, -1]], ylim=up[[0, -1]])


def _covered(place: Vector, grid: Grid, path: Vector) -> bool:
    """Return whether a label at a point (2,) would cross an edge or cover a path (k, 2) of straight lines."""
    low, high = (np.array([axis[end] for axis in grid.axes]) for end in (0, -1))
    at, along = (place - low) / (high - low), (path - low) / (high - low)
    if np.minimum(at, 1 - at).min() < LABEL:
        return True
    start, step = along[:-1], np.diff(along, axis=0)
    if len(along) == 1:
        start, step = along, np.zeros_like(along)
    length = np.maximum(np.sum(step**2, axis=1), np.finfo(float).tiny)
    share = np.clip(np.sum((at - start) * step, axis=1) / length, 0, 1)
    return bool(np.linalg.norm(at - start - share[:, None] * step, axis=1).min() < LABEL)


def contour_levels(values: Vector, n: int) -> Vector:
    """Return at most n heights within the values' range, in rising order."""
    heights: Vector = np.unique(np.quantile(values, np.linspace(0, 1, n + 2)[1:-1] ** 2))
    inside: Vector = heights[(heights > values.min()) & (heights < values.max())]
    return inside


def draw_path(ax: Any, across: Vector, up: Vector) -> None:
    """Draw points (k,) joined by lines; the first and the last one are marked."""
    style, width = ("o--", 0.9) if len(across) <= MARKED else ("-", 2.0)
    ax.plot(across, up, style, color="black", markersize=3, linewidth=width, label=f"path, {len(across)} points")
    ax.plot(across[:1], up[:1], "s", color="black", markerfacecolor="white", markersize=8, label="start")
    ax.plot(across[-1:], up[-1:], "*", color="black", markersize=12, label="end")
