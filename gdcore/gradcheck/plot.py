"""The V: errors of plain central differences against their steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import checks
from .differences import scales
from .evaluator import Evaluator, Vector

if TYPE_CHECKING:
    import matplotlib.axes

    from .report import GradientReport

DECADES = 12


def error_curve(evaluator: Evaluator, index: int, slope: float) -> Vector:
    """Steps, and |central difference - slope| of one parameter: shape (DECADES + 1, 2)."""
    eps_decades = -np.log10(evaluator.eps) * 0.9
    steps = float(scales(evaluator.x)[index]) * 10.0 ** -np.linspace(0, eps_decades, DECADES + 1)
    at = evaluator.x[index]
    points = np.concatenate([at - steps, at + steps])
    values = evaluator.at(np.full(len(points), index, np.int64), points).values
    low, high = values.reshape(2, len(steps))
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        width = points[len(steps) :] - points[: len(steps)]
        return np.stack([steps, np.abs((high - low) / width - slope)], axis=1)


def plot_curve(report: GradientReport, ax: matplotlib.axes.Axes | None) -> matplotlib.axes.Axes:
    """Draw a report's curve, with the bound and the error of the analytic value."""
    pyplot = checks.optional_module("matplotlib.pyplot", "plot", "curve")
    axes = pyplot.subplots()[1] if ax is None else ax
    entry = report.entries[report.worst]
    steps, errors = report.curve.T
    shown = np.isfinite(errors) & (errors > 0)
    axes.loglog(steps[shown], errors[shown], "o-", label="central difference at one step, less the numeric value")
    axes.axhline(entry["bound"], color="tab:green", label="bound")
    off = abs(float(entry["analytic"]) - float(entry["numeric"]))
    if off > 0:
        axes.axhline(off, color="tab:red", linestyle="--", label="analytic less numeric")
    axes.set_xlabel("step")
    axes.set_ylabel("error")
    axes.set_title(f"{report.name(report.worst)}: {entry['verdict']}")
    axes.legend()
    return axes
