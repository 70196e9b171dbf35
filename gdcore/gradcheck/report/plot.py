"""The V-shaped curve: errors of plain central differences over their steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...base.optional import axes_or_new, legend_below
from ..slopes.evaluator import Vector
from ..slopes.search import Lines

DECADES, MIN_STEP = 12, 0.9


def error_curve(lines: Lines, row: int, scale: float, eps: float, slope: float) -> Vector:
    """Return steps from a line's scale down to a few eps of it and |central difference - slope|, shape (DECADES + 1,
    2).
    """
    steps = scale * eps ** np.linspace(0, MIN_STEP, DECADES + 1)
    offsets, found = lines(np.full(2 * len(steps), row, np.int64), np.concatenate([-steps, steps]))
    low, high = found.values.reshape(2, len(steps))
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        width = offsets[len(steps) :] - offsets[: len(steps)]
        return np.stack([steps, np.abs((high - low) / width - slope)], axis=1)


def plot_curve(curve: Vector, entry: Any, name: str, ax: Any) -> Any:
    """Draw a curve (k, 2) from `error_curve`, with the bound and the error of the entry's analytic value."""
    axes = axes_or_new(ax)
    steps, errors = curve.T
    shown = np.isfinite(errors) & (errors > 0)
    label = "central difference, less the numeric value"
    axes.loglog(steps[shown], errors[shown], "o-", color="black", label=label)
    axes.axhline(entry["bound"], color="black", linestyle=":", label="bound")
    off = abs(float(entry["analytic"]) - float(entry["numeric"]))
    if off > 0:
        axes.axhline(off, color="black", linestyle="--", label="analytic less numeric")
    axes.set_xlabel("step")
    axes.set_ylabel("error")
    axes.set_title(f"{name}: {entry['verdict']}")
    legend_below(axes)
    return axes
