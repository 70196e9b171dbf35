"""The best raw outputs for given targets: row by row, and the best constant for all rows.

Design
------
Every loss of the registry is convex in each output, so its best constant is where the slope, summed over the rows,
changes sign: one bisection serves all of them, sample weights included. Ideal outputs bracket it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .._kernels import load
from ..data.samples import Samples
from ..losses import Loss

Vector = NDArray[np.float64]

CERTAIN = 40.0
"""Logits, and negative logarithms of rates, beyond this give the same loss as infinity in float64."""
HALVINGS = 40
"""The bracket is halved this often, which locates a constant to within 1e-12 of the targets' range."""


def raw_loss(data: Samples, loss: Loss, outputs: Vector) -> tuple[float, Vector]:
    """Return the mean loss of raw outputs (n, k), and its derivative with respect to them.

    Parameters
    ----------
    data : Samples
        For this loss.
    loss : Loss
    outputs : ndarray, shape (n, k)

    Examples
    --------
    >>> from gdcore.losses import MeanSquaredError
    >>> target = np.array([[1.0], [3.0]])
    >>> data = Samples(np.zeros((2, 1)), target, None, None, target)
    >>> value, slope = raw_loss(data, MeanSquaredError(), np.zeros((2, 1)))
    >>> value, slope.ravel().tolist()
    (5.0, [-1.0, -3.0])
    """
    target = None if data.target is None else np.ascontiguousarray(data.target, np.float64)
    weight = None if data.weight is None else np.ascontiguousarray(data.weight, np.float64)
    outputs = np.ascontiguousarray(outputs, np.float64)
    slope = np.empty_like(outputs)
    value = load("float64").loss_rows(loss.name, loss.option(), outputs, target, data.labels, weight, slope)
    return value, slope


def ideal_outputs(data: Samples, loss: Loss, k: int) -> Vector:
    """Return finite raw outputs, shape (n, k), whose loss is the least for each row, up to float64's precision.

    Examples
    --------
    >>> from gdcore.losses import Poisson
    >>> target = np.array([[1.0], [3.0]])
    >>> ideal_outputs(Samples(np.zeros((2, 1)), target, None, None, target), Poisson(), 1).round(3).tolist()
    [[0.0], [1.099]]
    """
    if loss.target == "class":
        return np.asarray(np.log(np.maximum(_class_targets(data, loss, k), math.exp(-CERTAIN))))
    assert data.target is not None
    y = np.asarray(data.target, np.float64)
    if loss.target == "unit":
        with np.errstate(divide="ignore"):
            return np.asarray(np.clip(np.log(y) - np.log1p(-y), -CERTAIN, CERTAIN))
    if loss.target == "nonnegative":
        return np.asarray(np.log(np.maximum(y, math.exp(-CERTAIN))))
    return y.copy()


def best_constant(data: Samples, loss: Loss, k: int) -> Vector:
    """Return the outputs (k,), the same for every row, with the least loss.

    The mean of the targets for mean_squared_error, the median for mean_absolute_error, the logits of the classes'
    shares for the cross entropies, and so on; with sample weights the weighted ones.

    Examples
    --------
    >>> from gdcore.losses import MeanSquaredError
    >>> target = np.array([[1.0], [3.0]])
    >>> best_constant(Samples(np.zeros((2, 1)), target, None, None, target), MeanSquaredError(), 1).round(9).tolist()
    [2.0]
    """
    ideal = ideal_outputs(data, loss, k)
    if loss.target == "class":
        weight = None if data.weight is None else np.asarray(data.weight, np.float64)
        shares = np.average(_class_targets(data, loss, k), axis=0, weights=weight)
        return np.asarray(np.log(np.maximum(shares, math.exp(-CERTAIN))))
    low, high = ideal.min(axis=0), ideal.max(axis=0)
    for _ in range(HALVINGS):
        middle = low / 2 + high / 2
        with np.errstate(over="ignore", invalid="ignore"):  # targets near the end of float64
            rising = raw_loss(data, loss, np.broadcast_to(middle, ideal.shape))[1].sum(axis=0) > 0
        low, high = np.where(rising, low, middle), np.where(rising, middle, high)
    return np.where((low <= 0) & (high >= 0), 0.0, low / 2 + high / 2)  # of the perceptron, 0 alone has no loss


def _class_targets(data: Samples, loss: Loss, k: int) -> Vector:
    """Return the probabilities (n, k) that the loss compares the outputs' softmax with."""
    shares = np.eye(k)[data.labels] if data.labels is not None else np.asarray(data.target, np.float64)
    return loss.smoothed(shares)
