"""Layers that scale inputs as the checker sees them: elementwise functions without parameters."""

from __future__ import annotations

import numpy as np

from ....layers.scaling import Log1p, Scaling, scaled
from ...slopes.evaluator import Vector
from .kind import ELEMENTARY, Given, Kind, Passed, Precision


def filled(layer: Scaling) -> Log1p:
    """Return a layer whose output is not 0 if its input is not."""
    return Log1p(layer.in_features)


def elementwise(layer: Scaling, z: Vector, mask: Vector | None) -> tuple[Vector, Vector]:
    """Return the scaled numbers, and the slopes."""
    return scaled(layer, z)


def errors(layer: Scaling, given: Given, precision: Precision) -> tuple[Passed, Vector]:
    """Return the errors of the scaled numbers."""
    x, error, views, _ = given
    slope, slope_error, out_error = scaling_errors(layer, x, error, precision.eps)
    return Passed(layer, x, error, error, slope, slope_error, np.zeros_like(x), views), out_error


def scaling_errors(layer: Scaling, x: Vector, error: Vector, eps: float) -> tuple[Vector, Vector, Vector]:
    """Return arrays (n, k): the slope, its possible error, and that of the value."""
    out, slope = scaled(layer, x)
    if isinstance(layer, Log1p):
        least = 1 + x - error
        steepest = np.divide(1, least, out=np.full_like(x, np.inf), where=least > 0)
        off = np.where(error > 0, steepest * error, 0.0)
        slope_error = steepest - slope + ELEMENTARY * eps * slope * (1 + np.abs(out))
        return slope, slope_error, off + ELEMENTARY * eps * np.abs(out)
    sizes = slope * (np.abs(x) + np.abs(layer.affine().shift)) + np.abs(out)
    return slope, ELEMENTARY * eps * slope, slope * error + ELEMENTARY * eps * sizes


SCALING = Kind(filled=filled, elementwise=elementwise, errors=errors)
