"""The roundoff that a model's analytic gradient may have.

Design
------
- A gradient can be less exact than its differences: softmax minus target cancels once a sample is learned. So the
  possible float64 error is added to an entry's bound; the possible float32 error is the tolerance for a float32 model.
- The roundoff is propagated through the same passes as the numbers: forward, loss, backward. Each product adds its own.
  Each activation passes on the error of its input, evaluated at both ends; so a kink within reach widens the error by
  its whole jump. Differences that see both sides of a kink do not need this, so jumps are kept separately.
- A sum of n terms is off by less than n eps of the sum of their sizes, and hardly ever by more than a few sqrt(n) eps;
  for large n the latter is used.

References
----------
Higham, N. J. (2002). Accuracy and Stability of Numerical Algorithms. SIAM.
Higham, N. J. and Mary, T. (2019). A new approach to probabilistic rounding error analysis. SIAM J. Sci. Comput. 41.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np

from ..._kernels import load
from ...layers.activations import ActivationLike, get_activation
from ...layers.dense import Dense
from ...layers.dropout import Dropout
from ...layers.layer_norm import LayerNorm, normalized
from ...layers.scaling import Log1p, Scaling, scaled
from ...losses import Loss
from ...objective.objective import Objective
from ..slopes.entries import Roundoff
from ..slopes.evaluator import Vector

ELEMENTARY = 8
"""An activation's value or slope has at most this many roundings: exp, tanh, erf and what follows them."""
TRIALS = 8
"""The loss is tried with this many ways of adding up the outputs' errors."""


class Normed(NamedTuple):
    """Normalized rows (n, k) and their possible error; 1 / sqrt(variance + eps) (n, 1), and how far it may go up."""

    unit: Vector
    unit_error: Vector
    inverse: Vector
    highest: Vector


class Passed(NamedTuple):
    """What one layer keeps for the backward pass: input and slopes, their possible errors, and its weight and bias.

    `z_error` is the possible error of the activation's input, `jump` the part of a slope's error that comes from a kink
    within reach. A dropout or scaling layer has no views.
    """

    x: Vector
    x_error: Vector
    z_error: Vector
    slope: Vector
    slope_error: Vector
    jump: Vector
    views: tuple[Vector, ...]
    norm: Normed | None = None


def summing(n: int, eps: float) -> float:
    """Return the relative error of a sum of n products."""
    return eps * min(n + 1.0, 8 + 4 * sqrt(n))


@np.errstate(over="ignore", invalid="ignore")
def gradient_roundoff(objective: Objective, dtype: str, nudge: float = 0.0) -> Roundoff:
    """Return how far each entry of the gradient may be off in a precision.

    Parameters
    ----------
    objective : Objective
    dtype : str
    nudge : float, default 0
        How far a parameter may be off besides: a small one lets each unit that stands on a kink, or next to it, take
        either side, by itself.
    """
    eps, (l1, l2) = float(np.finfo(dtype).eps), objective.penalties()
    last: Vector = eps * (4 * (l1 + l2 * np.abs(objective.x)) + np.abs(objective.gradient()))
    last += len(objective.data.X) * float(np.finfo(dtype).tiny)
    if objective.loss is None:
        return Roundoff(last, last)
    passed, z, z_error = forward_errors(objective, eps, nudge)
    delta, delta_error, jump = loss_errors(objective, z, z_error, eps)
    whole = last + backward_errors(objective, passed, delta, delta_error, eps)
    if not jump.any() and not any(step.jump.any() for step in passed):
        return Roundoff(whole, whole)
    steady = [step._replace(slope_error=step.slope_error - step.jump) for step in passed]
    return Roundoff(whole, last + backward_errors(objective, steady, delta, delta_error - jump, eps))


def forward_errors(objective: Objective, eps: float, nudge: float) -> tuple[list[Passed], Vector, Vector]:
    """Return what each layer keeps, the outputs (n, k) and their possible errors."""
    model, x, outputs = objective.stack, objective.data.X, iter(objective.layer_outputs())
    tiny = float(np.finfo(np.float32 if eps > np.finfo(np.float64).eps else np.float64).tiny)
    parameters = iter(model.layer_views(objective.x))
    error, passed = np.zeros_like(x), []
    for layer in model.layers:
        if isinstance(layer, Dense):
            views = next(parameters)
            sizes = np.abs(x) @ np.abs(views[0]) + sum(np.abs(bias) for bias in views[1:])
            z, z_error = x @ views[0] + sum(views[1:]), error @ np.abs(views[0])
            moved = nudge * np.maximum(1, np.abs(x).max(axis=1, keepdims=True))
            z_error += summing(layer.in_features + 1, eps) * sizes + moved
            z_error += np.where(sizes > 0, (layer.in_features + 1) * tiny, 0.0)  # of products that underflow
            value_error, slope, slope_error, jump = activation_errors(layer.activation, z, z_error, eps)
            passed.append(Passed(x, error, z_error, slope, slope_error, jump, tuple(views)))
            x, error = next(outputs), value_error
        elif isinstance(layer, LayerNorm):
            views = next(parameters)
            norm = norm_errors(layer, x, error, eps)
            z_error = norm.unit_error * np.abs(views[0]) + 2 * eps * (np.abs(norm.unit * views[0]) + np.abs(views[1]))
            z_error += nudge * np.maximum(1, np.abs(norm.unit))
            none = np.zeros_like(x)
            passed.append(Passed(x, error, z_error, none + 1, none, none, tuple(views), norm))
            x, error = next(outputs), z_error
        elif isinstance(layer, Scaling):
            slope, slope_error, out_error = scaling_errors(layer, x, error, eps)
            passed.append(Passed(x, error, error, slope, slope_error, np.zeros_like(x), ()))
            x, error = next(outputs), out_error
        elif isinstance(layer, Dropout) and objective.key:
            out, keep = next(outputs), 1 / (1 - layer.rate)
            mask = np.divide(out, x, out=np.full_like(x, keep), where=x != 0)
            passed.append(Passed(x, error, error, mask, eps * mask, np.zeros_like(x), ()))
            x, error = out, error * mask + eps * np.abs(out)
    return passed, x, error


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


def backward_errors(
    objective: Objective, passed: Sequence[Passed], delta: Vector, delta_error: Vector, eps: float
) -> Vector:
    """Return the possible errors of the gradient (n_params,), from |d loss / d outputs| (n, k) and its error."""
    bound = np.zeros(objective.stack.n_params)
    places = list(objective.stack.layer_views(bound))
    for step in reversed(passed):
        delta_error = delta_error * (step.slope + step.slope_error) + delta * (step.slope_error + eps * step.slope)
        delta = delta * step.slope
        if step.norm is not None:
            into, rows = places.pop(), summing(len(delta), eps)
            sizes = np.abs(step.norm.unit)
            terms = delta_error * (sizes + step.norm.unit_error) + delta * step.norm.unit_error
            into[0][...] = (terms + rows * delta * sizes).sum(axis=0)
            into[1][...] = delta_error.sum(axis=0) + rows * delta.sum(axis=0)
            delta, delta_error = norm_back_errors(step.norm, np.abs(step.views[0]), delta, delta_error, eps)
        elif step.views:
            into, rows = places.pop(), summing(len(delta), eps)
            into[0][...] = np.abs(step.x).T @ (delta_error + rows * delta) + step.x_error.T @ (delta + delta_error)
            for bias in into[1:]:
                bias[...] = delta_error.sum(axis=0) + rows * delta.sum(axis=0)
            weight, delta_error = np.abs(step.views[0]), delta_error + summing(delta.shape[1], eps) * delta
            delta, delta_error = delta @ weight.T, delta_error @ weight.T
    return bound


def activation_errors(
    activation: ActivationLike, z: Vector, z_error: Vector, eps: float
) -> tuple[Vector, Vector, Vector, Vector]:
    """Return arrays (n, k): the value's possible error, the slope's size, its possible error, and the jump in that."""
    (value, slope), *ends = (at_ends(activation, z + sign * z_error) for sign in (0, 1, -1))
    value_error, slope_error = (
        np.maximum(np.abs(up - here), np.abs(down - here)) for here, up, down in zip((value, slope), *ends, strict=True)
    )
    row = get_activation(activation)
    near = np.array([np.abs(z - kink) <= z_error for kink in row.kinks], np.bool_)
    jump = np.where(near.any(axis=0), slope_error, 0.0)
    if activation != "identity":
        value_error += ELEMENTARY * eps * np.abs(z if row.cancels else value)
        slope_error = slope_error + ELEMENTARY * eps * (1 + np.abs(slope))
    return value_error, np.abs(slope), slope_error, jump


def at_ends(activation: ActivationLike, z: Vector) -> tuple[Vector, Vector]:
    """Return value and slope of an activation at z (n, k)."""
    flat = np.ascontiguousarray(z).ravel()
    value, slope = np.empty_like(flat), np.empty_like(flat)
    row = get_activation(activation)
    load("float64").activation(row.name, flat, value, slope, row.option)
    return value.reshape(z.shape), slope.reshape(z.shape)


def loss_errors(objective: Objective, z: Vector, z_error: Vector, eps: float) -> tuple[Vector, Vector, Vector]:
    """Return |d loss / d outputs| (n, k), its possible error if the outputs are off by z_error, and
    the jumps in that.
    """
    delta = objective.loss_of(z)[1]
    rng, error = np.random.default_rng(0), np.zeros_like(z)
    for trial in range(TRIALS):
        signs = (-1.0) ** trial if trial < 2 else 2.0 * rng.integers(0, 2, z.shape) - 1
        error = np.maximum(error, np.abs(objective.loss_of(z + signs * z_error)[1] - delta))
    turns = loss_kinks(objective, z)
    jump = np.zeros_like(z) if turns is None else np.where(np.abs(turns) <= z_error, 2 * error, 0.0)
    return np.abs(delta), 2 * error + ELEMENTARY * eps * (np.abs(delta) + term_sizes(objective, z, delta)), jump


def loss_kinks(objective: Objective, outputs: Vector) -> Vector | None:
    """Return what is 0 where the loss's slope jumps, of outputs (n, k); None if no jumps are known."""
    loss, target = objective.loss, objective.data.target
    if not isinstance(loss, Loss) or not loss.kink or target is None:
        return None
    found: Vector = outputs - target if loss.kink == "residual" else 1 - target * outputs
    return found


def term_sizes(objective: Objective, z: Vector, delta: Vector) -> Vector:
    """Return the size (n, k) of the terms whose differences these slopes are."""
    data, loss = objective.data, objective.loss
    if not isinstance(loss, Loss):
        return np.full(delta.shape, np.abs(delta).max(initial=0.0))
    share = np.ones(len(z)) if data.weight is None else data.weight
    share = share / share.sum() / (1 if loss.target == "class" else z.shape[1])
    target = 1.0 if data.target is None else 1 + np.abs(data.target)
    sizes: Vector = share[:, None] * (1 + np.abs(z)) * target
    return sizes
