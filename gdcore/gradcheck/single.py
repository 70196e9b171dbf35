"""The float32 gradient against the float64 one, within float32's roundoff.

Design
------
- The roundoff is followed through the same passes as the numbers: forward, loss, backward. Each product adds its own,
  each activation passes on what its input may be off, seen by trying both ends. So a kink within reach widens the
  error by its whole jump.
- A sum of n terms is off by less than n eps of the sum of their sizes, and hardly ever by more than a few sqrt(n) eps:
  the latter is taken where n is large.

References
----------
Higham, N. J. (2002). Accuracy and Stability of Numerical Algorithms. SIAM.
Higham, N. J. and Mary, T. (2019). A new approach to probabilistic rounding error analysis. SIAM J. Sci. Comput. 41.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np

from .._kernels import load
from ..batches import Samples
from ..losses import Loss
from ..models import Dense, Sequential
from ..models.memory import layer_views
from .entries import Block
from .evaluator import Vector
from .objective import Objective
from .report import Part

EPS = float(np.finfo(np.float32).eps)
TINY = float(np.finfo(np.float32).tiny)
ELEMENTARY = 8 * EPS
"""Of an activation's value or slope: exp, tanh, erf and what follows them."""
TRIALS = 8
"""Ways of adding the outputs' errors up that the loss is tried with."""


class Passed(NamedTuple):
    """What one layer keeps for the way back: input and slopes, how far they may be off, and its weight and bias.

    The errors of the weight's and the bias's gradient are written to `into`. A dropout layer has neither.
    """

    x: Vector
    x_error: Vector
    slope: Vector
    slope_error: Vector
    views: tuple[Vector, ...]
    into: tuple[Vector, ...]


def summing(n: int) -> float:
    """Relative error of a sum of n products."""
    return EPS * min(n + 1.0, 8 + 4 * sqrt(n))


def check_single(objective: Objective, model: Sequential, data: Samples, blocks: tuple[Block, ...]) -> Part:
    """Compare every entry of a float32 model's gradient with its float64 copy's.

    Parameters
    ----------
    objective : Objective
        Of the float64 copy.
    model : Sequential
        Of float32.
    data : Samples
        In float32, the same numbers as the objective's.
    """
    grad = np.zeros(model.n_params, np.float32)
    model.copy()._evaluate(data, objective.loss, objective.l1, objective.l2, objective.key, grad)
    with np.errstate(over="ignore", invalid="ignore"):
        bound = single_bound(objective)
        error = np.abs(grad.astype(np.float64) - objective.gradient())
        beyond = np.where(np.isnan(error), np.inf, error) / np.maximum(bound, TINY)
    worst = int(np.argmax(beyond))
    block = next(block for block in reversed(blocks) if block.start <= worst)
    verdict = "fail" if (beyond > 1).any() else "pass" if np.isfinite(bound).all() else "inconclusive"
    return Part("float32 gradient", verdict, len(grad), block.entry_name(worst), float(error[worst]), float(bound[worst]))


def single_bound(objective: Objective) -> Vector:
    """How far float32 may put each entry of the gradient off, shape (n_params,)."""
    model, key = objective.model, objective.key
    outputs = iter(model._bind(trains=True, blocks=False).outputs(objective.data.X, key))
    bound = np.zeros(model.n_params)
    dense = zip(layer_views(model._dense(), model.params), layer_views(model._dense(), bound), strict=True)
    x = objective.data.X
    error, passed = np.zeros_like(x), []
    for layer in model.layers:
        if isinstance(layer, Dense):
            views, into = next(dense)
            sizes = np.abs(x) @ np.abs(views[0]) + sum(np.abs(bias) for bias in views[1:])
            z = x @ views[0] + sum(views[1:])
            z_error = error @ np.abs(views[0]) + summing(layer.in_features + 1) * sizes
            value_error, slope, slope_error = activation_errors(layer.activation, z, z_error)
            passed.append(Passed(x, error, slope, slope_error, views, into))
            x, error = next(outputs), value_error
        elif key:
            out, keep = next(outputs), 1 / (1 - layer.rate)
            mask = np.where(x != 0, np.divide(out, x, out=np.full_like(x, keep), where=x != 0), keep)
            passed.append(Passed(x, error, mask, EPS * mask, (), ()))
            x, error = out, error * mask + EPS * np.abs(out)
    delta, delta_error = loss_errors(objective, x, error)
    for step in reversed(passed):
        delta_error = delta_error * (step.slope + step.slope_error) + np.abs(delta) * (
            step.slope_error + EPS * step.slope
        )
        delta = np.abs(delta) * step.slope
        if step.into:
            delta, delta_error = back_through(step, delta, delta_error)
    for views, into in zip(layer_views(model._dense(), model.params), layer_views(model._dense(), bound), strict=True):
        into[0][...] += 4 * EPS * (objective.l1 + objective.l2 * np.abs(views[0]))
    return bound + EPS * np.abs(objective.gradient())


def back_through(step: Passed, delta: Vector, delta_error: Vector) -> tuple[Vector, Vector]:
    """Write the errors of one dense layer's gradient, from |delta| and its error -> those of the layer below."""
    rows = summing(len(delta))
    step.into[0][...] = np.abs(step.x).T @ (delta_error + rows * delta) + step.x_error.T @ (delta + delta_error)
    for bias in step.into[1:]:
        bias[...] = delta_error.sum(axis=0) + rows * delta.sum(axis=0)
    weight = np.abs(step.views[0])
    return delta @ weight.T, (delta_error + summing(delta.shape[1]) * delta) @ weight.T


def activation_errors(activation: str, z: Vector, z_error: Vector) -> tuple[Vector, Vector, Vector]:
    """Of arrays (n, k): what the value may be off, the size of the slope, and what the slope may be off."""
    ends = [at_ends(activation, z + sign * z_error) for sign in (0, 1, -1)]
    value, slope = ends[0]
    value_error = np.maximum(*(np.abs(end[0] - value) for end in ends[1:])) + ELEMENTARY * np.abs(value)
    slope_error = np.maximum(*(np.abs(end[1] - slope) for end in ends[1:])) + ELEMENTARY * (1 + np.abs(slope))
    return value_error, np.abs(slope), np.zeros_like(slope) if activation == "identity" else slope_error


def at_ends(activation: str, z: Vector) -> tuple[Vector, Vector]:
    """Value and slope of an activation at z (n, k)."""
    flat = np.ascontiguousarray(z).ravel()
    value, slope = np.empty_like(flat), np.empty_like(flat)
    load("float64").activation(activation, flat, value, slope)
    return value.reshape(z.shape), slope.reshape(z.shape)


def loss_errors(objective: Objective, z: Vector, z_error: Vector) -> tuple[Vector, Vector]:
    """|d loss / d outputs| (n, k), and what it may be off where the outputs are off by z_error."""
    delta, scale = loss_slopes(objective, z)
    rng, error = np.random.default_rng(0), np.zeros_like(z)
    for trial in range(TRIALS):
        signs = (-1.0) ** trial if trial < 2 else rng.choice([-1.0, 1.0], z.shape)
        error = np.maximum(error, np.abs(loss_slopes(objective, z + signs * z_error)[0] - delta))
    return np.abs(delta), 2 * error + ELEMENTARY * (np.abs(delta) + scale)


def loss_slopes(objective: Objective, z: Vector) -> tuple[Vector, Vector]:
    """d loss / d outputs (n, k), and the size (n, k) of the terms that it is the difference of."""
    data, loss = objective.data, objective.loss
    if not isinstance(loss, Loss):
        delta = np.asarray(loss(z, data.y)[1], np.float64)
        return delta, np.full(delta.shape, np.abs(delta).max(initial=0.0))
    delta = np.empty_like(z)
    load("float64").loss_rows(loss.name, loss.option(), np.ascontiguousarray(z), data.target, data.labels, data.weight, delta)
    share = np.ones(len(z)) if data.weight is None else data.weight
    share = share / share.sum() / (1 if loss.target == "class" else z.shape[1])
    target = 1.0 if data.target is None else 1 + np.abs(data.target)
    return delta, share[:, None] * (1 + np.abs(z)) * target
