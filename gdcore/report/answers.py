"""What a model answers to rows: numbers or classes, probabilities, calibration, the loss of each row."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..losses import CustomLoss, Loss
from ..models.sequential import Sequential
from ..tables import Target

Vector = NDArray[np.float64]
BINS = 10


def target_of(net: Sequential, loss: Loss | CustomLoss, name: str = "y") -> Target | None:
    """Return what a model's outputs mean by its loss; None for a loss in Python, and for several labels of a row."""
    if not isinstance(loss, Loss):
        return None
    if loss.target in ("real", "nonnegative"):
        return Target(name, "regression")
    if loss.target == "class":
        return Target(name, "classification", tuple(map(str, range(net.out_features))))
    if net.out_features > 1:
        return None
    return Target(name, "classification", ("-1", "1") if loss.target == "sign" else ("0", "1"))


def targets_in(target: Target, loss: Loss | CustomLoss, y: NDArray[Any]) -> NDArray[Any]:
    """Return targets of a loss as numbers, (n,) or (n, k), or as the numbers of classes (n,)."""
    if target.task == "regression":
        return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if isinstance(loss, Loss) and loss.target == "class":
        return y.argmax(axis=1) if y.ndim == 2 else y.astype(np.int64)
    return (np.asarray(y.reshape(len(y)), np.float64) > (0 if getattr(loss, "target", "") == "sign" else 0.5)).astype(
        np.int64
    )


def answers_of(net: Sequential, loss: Loss | CustomLoss, target: Target, X: NDArray[Any]) -> NDArray[Any]:
    """Return the answers to rows, in the form of `targets_in`."""
    if target.task == "regression":
        found = net.predict(X).astype(np.float64)
        found = np.exp(found) if getattr(loss, "target", "") == "nonnegative" else found
        return found[:, 0] if found.shape[1] == 1 else found
    assert isinstance(loss, Loss)
    named = net.classify(X, loss=loss)
    return (named.reshape(len(X)) > 0).astype(np.int64) if net.out_features == 1 else named


def probabilities_of(net: Sequential, loss: Loss | CustomLoss, X: NDArray[Any]) -> Vector | None:
    """Return the probability of each class (n, k); None for a loss of margins."""
    if not isinstance(loss, Loss) or loss.target not in ("class", "unit") or loss.name == "hinge":
        return None
    return net.predict_proba(X, loss=loss).astype(np.float64)


def row_losses(net: Sequential, loss: Loss | CustomLoss, X: NDArray[Any], y: NDArray[Any]) -> Vector:
    """Return the loss of each row by itself, shape (n,)."""
    return np.array([net.loss(X[i : i + 1], y[i : i + 1], loss) for i in range(len(X))])


class Calibration(NamedTuple):
    """Means within bins of predictions, from the lowest to the highest."""

    said: Vector
    found: Vector
    rows: NDArray[np.int64]

    @property
    def error(self) -> float:
        """The mean distance of the two, weighted by rows."""
        return float(np.average(np.abs(self.said - self.found), weights=self.rows))


def calibration(said: Vector, found: Vector, bins: int = BINS) -> Calibration:
    """Return what was said and what was found, in bins of about equally many rows, by what was said.

    Rows with the same prediction are in one bin.

    Examples
    --------
    >>> calibration(np.array([0.1, 0.9, 0.9, 0.2]), np.array([0.0, 1.0, 1.0, 0.0]), 2).found
    array([0., 1.])
    """
    edges = np.unique(np.quantile(said, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, said, side="right")
    rows = np.bincount(place, minlength=len(edges) + 1)
    there = rows > 0
    sums = [np.bincount(place, values, minlength=len(rows))[there] for values in (said, found)]
    return Calibration(sums[0] / rows[there], sums[1] / rows[there], rows[there])
