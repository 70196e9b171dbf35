"""Samples as a trainer takes them, with the weights of scikit-learn's arguments."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import _check_sample_weight

from ..losses import Loss
from . import checks as sklearn_checks
from .converted_losses import ConvertedLoss


class Rows(NamedTuple):
    """Training or validation data.

    Attributes
    ----------
    X : ndarray or CSR matrix, shape (n, n_features)
    y : ndarray
        What the loss takes.
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
    if weight is None:
        return Rows(X, y, None, float(X.shape[0]))
    mass = float(weight.sum())
    if not isinstance(converted.loss, Loss):
        raise sklearn_checks.no_weights(converted.loss)
    if not weight.all():
        X, y, weight = X[weight > 0], y[weight > 0], weight[weight > 0]
    return Rows(X, y, None if (weight == 1).all() else weight, mass)
