"""Layers that scale the inputs of a source, fitted in one pass.

Design
------
- Means and squares of blocks are joined by the formula of Chan, Golub and LeVeque (1983), in float64: every block's
  squares are relative to its own mean, and all means to the first row. So nothing cancels, however far from 0 a column
  lies.
- A source of which a window holds all rows is read as an array, and has the layer of that array.

References
----------
Chan, T. F., Golub, G. H. and LeVeque, R. J. (1983). Algorithms for computing the sample variance: analysis and
recommendations. The American Statistician 37.
"""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..layers import checks as layers_checks
from ..layers.scaling import CONSTANT, MinMax, Standardize
from .samples import Source
from .stream import raw_blocks


class Moments(NamedTuple):
    """What one pass tells of each column, shape (n_features,) each."""

    n: int
    mean: NDArray[np.float64]
    """Relative to the source's first row."""
    squares: NDArray[np.float64]
    """Sum of the squared distances from the mean."""
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    eps: float
    """Roundoff of the numbers as they are stored."""

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Which columns differ by no more than a few roundings."""
        size = np.maximum(np.abs(self.low), np.abs(self.high))
        found: NDArray[np.bool_] = self.high / 2 - self.low / 2 <= CONSTANT / 2 * self.eps * size
        return found

    def joined(self, other: Moments) -> Moments:
        """Return the moments of both parts together."""
        n = self.n + other.n
        apart = other.mean - self.mean
        return Moments(
            n,
            self.mean + apart * (other.n / n),
            self.squares + other.squares + apart**2 * (self.n * (other.n / n)),
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            max(self.eps, other.eps),
        )


def moments_of(X: Any, origin: NDArray[np.float64]) -> Moments:
    """Return the moments of an array (n, n_features); the mean is that of the distances from `origin`."""
    data, received = layers_checks.data(X), checks.plain_array("X", X).dtype
    away = data - origin
    mean = away.mean(axis=0)
    eps = float(np.finfo(received if received.kind == "f" else np.float64).eps)
    return Moments(len(data), mean, ((away - mean) ** 2).sum(axis=0), data.min(axis=0), data.max(axis=0), eps)


def standardize(source: Source) -> Standardize:
    """Carry out `Standardize.from_data` for a source."""
    if source.n_samples <= source.reading.window_rows:
        return Standardize.from_data(source.read(0, source.n_samples)[0])
    origin = _first_row(source)
    found = _moments(source, origin)
    mean = np.where(found.constant, origin, origin + found.mean)
    std = np.where(found.constant, 1.0, np.sqrt(found.squares / found.n))
    return Standardize(tuple(mean.tolist()), tuple(std.tolist()))


def min_max(source: Source, low: float, high: float) -> MinMax:
    """Carry out `MinMax.from_data` for a source."""
    found = _moments(source, _first_row(source))
    top = np.where(found.constant, found.low, found.high)
    return MinMax(tuple(found.low.tolist()), tuple(top.tolist()), low, high)


def _first_row(source: Source) -> NDArray[np.float64]:
    row: NDArray[np.float64] = np.asarray(source.read(0, 1)[0], np.float64)[0]
    return np.where(np.isfinite(row), row, 0.0)  # what is not finite is refused with its block


def _moments(source: Source, origin: NDArray[np.float64]) -> Moments:
    found: Moments | None = None
    with closing(raw_blocks(source, partial(moments_of, origin=origin))) as parts:
        for part in parts:
            found = part if found is None else found.joined(part)
    assert found is not None  # a source has rows
    return found
