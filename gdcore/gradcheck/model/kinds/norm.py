"""A normalization as the checker sees it: z is its output, and its elementwise function does nothing."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np

from ....layers.dense import Dense
from ....layers.layer_norm import LayerNorm, normalized, normalized_back
from ...slopes.evaluator import Vector
from .kind import ELEMENTARY, Given, Kind, Passed, Precision, Step, Views, summing


class Normed(NamedTuple):
    """Normalized rows (n, k) and their possible error; 1 / sqrt(variance + eps) (n, 1), and how far it may go up."""

    unit: Vector
    unit_error: Vector
    inverse: Vector
    highest: Vector


def filled(layer: LayerNorm) -> Dense:
    """Return a layer of the same shape whose outputs are 1."""
    return Dense(layer.features, layer.features, weight_init="zeros", bias_init="ones")


def sums(layer: LayerNorm, views: Views, x: Vector) -> Vector:
    """Return normalized rows times the gain, plus the bias."""
    gain, shift = views
    return normalized(x, layer.eps)[0] * gain + shift


def elementwise(layer: LayerNorm, z: Vector, mask: Vector | None) -> tuple[Vector, Vector]:
    """Return z, and slopes of 1."""
    return z, np.ones_like(z)


def factors(layer: LayerNorm, x: Vector, unit: int) -> Vector:
    """Return a unit's normalized inputs."""
    return normalized(x, layer.eps)[0][:, unit : unit + 1]


def back(layer: LayerNorm, step: Step, delta: Vector, into: Views) -> Vector:
    """Write the gradient of gain and bias, and return delta at the inputs."""
    gain, shift = into
    unit, scale = normalized(step.x, layer.eps)
    gain[...], shift[...] = (delta * unit).sum(axis=0), delta.sum(axis=0)
    return normalized_back(delta * step.weight, unit, scale)


def norm_errors(layer: LayerNorm, x: Vector, error: Vector, eps: float) -> Normed:
    """Return what a normalization makes of rows (n, k), and what that may be off by."""
    unit, scale = normalized(x, layer.eps)
    near = np.abs(x - x[:, :1])
    double = float(np.finfo(np.float64).eps)  # the kernels compute a row in double
    off = centred(error) + 4 * double * (near + near.mean(axis=1, keepdims=True))
    least = np.maximum(scale - np.sqrt(np.mean(off**2, axis=1, keepdims=True)), sqrt(layer.eps))
    along = np.mean((np.abs(unit) + off / scale) * off, axis=1, keepdims=True)
    unit_error = (off + np.abs(unit) * along) / least + summing(layer.features, eps) * np.abs(unit)
    return Normed(unit, np.where(off > 0, unit_error, 0.0), 1 / scale, (1 + ELEMENTARY * eps) / least)


def centred(sizes: Vector) -> Vector:
    """Return how large numbers (n, k) can be, less the mean of their row, if they are at most `sizes`."""
    found: Vector = sizes * (1 - 2 / sizes.shape[1]) + sizes.mean(axis=1, keepdims=True)
    return found


def norm_back_errors(of: Normed, gain: Vector, delta: Vector, delta_error: Vector, eps: float) -> tuple[Vector, Vector]:
    """Return |d loss / d inputs| (n, k), at most, and its possible error, from those of the outputs."""

    def along(left: Vector, right: Vector) -> Vector:
        found: Vector = np.mean(left * right, axis=1, keepdims=True)
        return found

    g, g_error, unit = delta * gain, delta_error * gain, np.abs(of.unit)
    size = centred(g) + unit * along(g, unit)
    error = centred(g_error) + unit * along(g_error, unit)
    error += of.unit_error * along(g + g_error, unit + of.unit_error) + unit * along(g + g_error, of.unit_error)
    error += summing(gain.size, eps) * (g + g.mean(axis=1, keepdims=True) + unit * along(g, unit))
    return of.inverse * size, of.highest * error + (of.highest - of.inverse) * size


def errors(layer: LayerNorm, given: Given, precision: Precision) -> tuple[Passed, Vector]:
    """Return the errors of the outputs."""
    x, error, views, _ = given
    eps, _, nudge = precision
    norm = norm_errors(layer, x, error, eps)
    z_error = norm.unit_error * np.abs(views[0]) + 2 * eps * (np.abs(norm.unit * views[0]) + np.abs(views[1]))
    z_error += nudge * np.maximum(1, np.abs(norm.unit))
    none = np.zeros_like(x)
    return Passed(layer, x, error, z_error, none + 1, none, none, views), z_error


def errors_back(
    layer: LayerNorm, passed: Passed, delta: Vector, delta_error: Vector, into: Views, eps: float
) -> tuple[Vector, Vector]:
    """Write the errors of the gradient, and return the slopes' sizes and errors at the inputs."""
    norm, rows = norm_errors(layer, passed.x, passed.x_error, eps), summing(len(delta), eps)
    sizes = np.abs(norm.unit)
    terms = delta_error * (sizes + norm.unit_error) + delta * norm.unit_error
    into[0][...] = (terms + rows * delta * sizes).sum(axis=0)
    into[1][...] = delta_error.sum(axis=0) + rows * delta.sum(axis=0)
    return norm_back_errors(norm, np.abs(passed.views[0]), delta, delta_error, eps)


NORM = Kind(
    filled=filled,
    elementwise=elementwise,
    errors=errors,
    sums=sums,
    factors=factors,
    back=back,
    errors_back=errors_back,
)
