"""Does one column of X tell the target on its own? Then it may be the target in other units, or known only after it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

TOLD = 0.9999
"""A correlation above this, of values or of their ranks, leaves nothing to learn."""
FEWEST = 20
"""Fewer rows can be in one order by chance."""
PER_VALUE = 10
"""A target with a value for so many rows, or more, may be a class."""


def telling_columns(X: NDArray[Any], y: NDArray[Any]) -> list[tuple[int, float]]:
    """Return the columns of X that tell y on their own, and the correlation of each with y.

    Parameters
    ----------
    X : array, shape (n, n_features)
    y : array, shape (n,) or (n, 1)
        Numbers, or labels: of these a column that has one value within each class, and not the same in all, counts with
        a correlation of 1. Of several outputs nothing is told, nor of a single column, which is all that there is.

    Examples
    --------
    >>> price = np.arange(30.0) ** 2
    >>> telling_columns(np.stack([np.sin(price), 0.92 * price + 5], axis=1), price)
    [(1, 1.0)]
    """
    target = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    n, width = X.shape
    if target.ndim != 1 or n < FEWEST or width < 2 or not np.isfinite(X).all():
        return []
    values, codes, counts = np.unique(target, return_inverse=True, return_counts=True)
    if len(values) < 2 or not np.isfinite(values).all():
        return []
    numbers, order = X.astype(np.float64), codes.astype(np.float64)
    found = np.maximum(_correlations(numbers, target.astype(np.float64)), _correlations(_ranks(numbers), _ranks(order)))
    if len(values) * PER_VALUE <= n:
        first = np.cumsum(counts)[:-1]
        by_class = numbers[np.argsort(codes, kind="stable")]
        inside = np.delete(np.diff(by_class, axis=0), first - 1, axis=0)
        found[~inside.any(axis=0) & (numbers != numbers[0]).any(axis=0)] = 1.0
    return [(int(j), float(found[j])) for j in np.flatnonzero(found > TOLD)]


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean rank of each entry in its column."""
    columns = values.reshape(len(values), -1)
    ordered = np.sort(columns, axis=0)
    found = np.empty_like(columns)
    for j in range(columns.shape[1]):
        low, high = (np.searchsorted(ordered[:, j], columns[:, j], side) for side in ("left", "right"))
        found[:, j] = low + high
    return found.reshape(values.shape)


def _correlations(X: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the absolute correlation of each column with y; 0 for a constant one."""
    largest = np.abs(X).max(axis=0)
    scaled = X / np.where(largest > 0, largest, 1.0)
    off, target = scaled - scaled.mean(axis=0), y / max(float(np.abs(y).max()), np.finfo(np.float64).tiny)
    target = target - target.mean()
    sizes = np.sqrt((off**2).sum(axis=0) * (target**2).sum())
    varies = off.std(axis=0) > 1e-12
    return np.where(varies, np.minimum(np.abs(off.T @ target) / np.where(varies, sizes, 1.0), 1.0), 0.0)
