"""Samples as a trainer takes them, with the weights of scikit-learn's arguments."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import _check_sample_weight

from . import checks as sklearn_checks
from .converted_losses import ConvertedLoss, takes_weights
from .losses import WeightedLoss


class Rows(NamedTuple):
    """Training or validation data.

    Attributes
    ----------
    X : ndarray or CSR matrix, shape (n, n_features)
    y : ndarray
        What the loss takes; a loss in NumPy finds the weights in its last column.
    weight : ndarray, shape (n,), or None
        What `Trainer` takes.
    mass : float
        The sum of the weights: how many rows of weight 1 these rows stand for.
    """

    X: Any
    y: NDArray[Any]
    weight: NDArray[Any] | None
    mass: float


def checked_weights(sample_weight: Any, X: NDArray[Any]) -> NDArray[np.float64] | None:
    """Check weights (n,) >= 0 that are not all 0."""
    if sample_weight is None:
        return None
    weight: NDArray[np.float64] = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weight


def rows_of(X: NDArray[Any], y: NDArray[Any], weight: NDArray[np.float64] | None, converted: ConvertedLoss) -> Rows:
    """Return rows for a trainer; those of weight 0 are left out, and weights that are all 1 too."""
    loss = converted.loss
    if weight is None:
        return Rows(X, _with_weights(y, None) if isinstance(loss, WeightedLoss) else y, None, float(X.shape[0]))
    mass = float(weight.sum())
    if not takes_weights(loss):
        raise sklearn_checks.no_weights(loss)
    if not weight.all():
        X, y, weight = X[weight > 0], y[weight > 0], weight[weight > 0]
    if isinstance(loss, WeightedLoss):
        return Rows(X, _with_weights(y, weight / weight.mean()), None, mass)
    return Rows(X, y, None if (weight == 1).all() else weight, mass)


def _with_weights(y: NDArray[Any], weight: NDArray[Any] | None) -> NDArray[Any]:
    """Return targets (n, k) with one more column, of weights."""
    y = y if y.ndim == 2 else y[:, None]
    column = np.ones((len(y), 1), y.dtype) if weight is None else weight.astype(y.dtype)[:, None]
    return np.hstack([y, column])
