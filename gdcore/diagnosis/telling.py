"""Does one column of X tell the target on its own? Then it may be the target in other units, or known only after it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

TOLD = 0.9999
"""A correlation above this, of values or of their ranks, leaves nothing to learn."""
IN_ORDER = 0.99
"""One of values counts only where that of the ranks is above this: else it is one of a few rows far from the others."""
FEWEST = 20
"""Fewer rows can be in one order by chance."""
PER_VALUE = 10
"""A target with a value for so many rows, or more, may be a class."""
RARE = 5
"""A class of fewer rows can be that of a column's rare value by chance."""
SAMPLE, LIKELY = 100, 0.9
"""All rows are ranked only in columns whose ranks in a sample of so many rows have a correlation above this."""
BLOCK = 256
"""So many columns are looked at together."""


def telling_columns(X: NDArray[Any], y: NDArray[Any]) -> list[tuple[int, float]]:
    """Return the columns of X that tell y on their own, and the correlation of each with y.

    Parameters
    ----------
    X : array, shape (n, n_features)
    y : array, shape (n,) or (n, 1)
        Numbers, or labels: of these a column that has one value within each class, and another one in each, counts with
        a correlation of 1. Rows of classes with fewer than 5 rows are left out. Where `not_looked_at` gives a reason,
        no column is returned.

    Examples
    --------
    >>> price = np.arange(30.0) ** 2
    >>> telling_columns(np.stack([np.sin(price), 0.92 * price + 5], axis=1), price)
    [(1, 1.0)]
    """
    if not_looked_at(X, y):
        return []
    target = _target(y)
    rows = _not_rare(target)
    target = target[rows]
    found: list[tuple[int, float]] = []
    for first in range(0, X.shape[1], BLOCK):
        shares = _shares(X[:, first : first + BLOCK][rows].astype(np.float64), target)
        found += [(first + int(j), float(shares[j])) for j in np.flatnonzero(shares > TOLD)]
    return found


def not_looked_at(X: NDArray[Any], y: NDArray[Any]) -> str:
    """Return why `telling_columns` looks at nothing; "" where it looks.

    Examples
    --------
    >>> not_looked_at(np.ones((30, 1)), np.arange(30.0))
    'there is one column alone'
    """
    target = _target(y)
    if X.shape[1] < 2:
        return "there is one column alone"
    if target.dtype.kind == "O":
        return "the targets are not numbers"
    if target.ndim != 1:
        return "each row has several targets"
    if len(X) < FEWEST:
        return f"there are fewer than {FEWEST} rows"
    if not (np.isfinite(target).all() and np.isfinite(X).all()):
        return "not all numbers are finite"
    counts = np.unique(target[_not_rare(target)], return_counts=True)[1]
    if counts.sum() - counts.max() < RARE:
        return "too few rows have another target than the most frequent one"
    return ""


def _target(y: NDArray[Any]) -> NDArray[Any]:
    """Return y as float64, one-dimensional where it has one column; as objects where it does not hold numbers."""
    one = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if one.dtype.kind == "O" and all(isinstance(value, int | float | np.number | np.bool_) for value in one.flat):
        one = np.array(one.tolist())
    return one.astype(np.float64 if one.dtype.kind in "biuf" else np.object_)


def _not_rare(target: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the rows whose class has enough rows; all of them where the target is no class."""
    values, codes, counts = np.unique(target, return_inverse=True, return_counts=True)
    return (counts >= RARE)[codes] | (len(values) * PER_VALUE > len(target))


def _shares(X: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the larger correlation of each column with y, of values or ranks; about 0 where it cannot be large."""
    n = len(y)
    few = np.random.default_rng(0).permutation(n)[:SAMPLE]
    found = _correlations(X, y)
    likely = np.flatnonzero((found > TOLD) | (_correlations(_ranks(X[few]), _ranks(y[few])) > LIKELY))
    ranks = np.zeros(len(found))
    if len(likely):
        ranks[likely] = _correlations(_ranks(X[:, likely]), _ranks(y))
    found = np.where(ranks > IN_ORDER, np.maximum(found, ranks), 0.0)
    found[_one_value_per_class(X, y)] = 1.0
    return found


def _one_value_per_class(X: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return which columns have one value within each class, and another one in each; none where y is no class."""
    values, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    if len(values) * PER_VALUE > len(y):
        return np.zeros(0, np.intp)
    by_class, ends = np.argsort(codes, kind="stable"), np.cumsum(counts)
    first = X[by_class[ends - counts]]
    ordered = np.sort(first, axis=0)
    apart = (ordered[1:] != ordered[:-1]).all(axis=0)
    likely = np.flatnonzero((first == X[by_class[ends - 1]]).all(axis=0) & apart)
    found: NDArray[np.intp] = likely[(X[:, likely] == first[:, likely][codes]).all(axis=0)]
    return found


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
    """Return the absolute correlation of each column with y; 0 where the column or y is constant."""
    largest = np.abs(X).max(axis=0)
    scaled = X / np.where(largest > 0, largest, 1.0)
    off, target = scaled - scaled.mean(axis=0), y / max(float(np.abs(y).max()), np.finfo(np.float64).tiny)
    target = target - target.mean()
    spread = np.einsum("ij,ij->j", off, off)
    sizes = np.sqrt(spread * (target**2).sum())
    varies = (np.sqrt(spread / len(y)) > 1e-12) & (sizes > 0)
    return np.where(varies, np.minimum(np.abs(off.T @ target) / np.where(varies, sizes, 1.0), 1.0), 0.0)
