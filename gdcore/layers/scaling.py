"""Layers that scale inputs: fitted from data, part of the model, without trainable parameters.

Design
------
- Fitted numbers are tuples of Python floats, so that a record is frozen, comparable and independent of a precision. A
  model rounds them to its own.
- A constant column says nothing about a scale: it is shifted, and its factor is 1. A column is constant if its entries
  differ by at most a few roundings of their own precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, cast, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base import checks
from ..base.calls import explains_calls
from ..base.later import later
from ..base.not_arrays import is_source
from ..base.record import Record
from . import checks as layers_checks

CONSTANT = 4
"""A column counts as constant if its entries differ by at most this many roundings."""


class Affine(NamedTuple):
    """(x - shift) * factor + offset, shift and factor of shape (n,)."""

    shift: NDArray[np.float64]
    factor: NDArray[np.float64]
    offset: float


@final
@dataclass(frozen=True, repr=False)
class Standardize(Record):
    """Standardizes each column: a = (x - mean) / std.

    Parameters
    ----------
    mean, std : tuple of float
        One value per feature, each std > 0; `from_data` computes them.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a tuple of finite numbers, lengths differ, or a std is not > 0.

    References
    ----------
    LeCun, Y., Bottou, L., Orr, G. and Müller, K.-R. (1998). Efficient BackProp. In Neural Networks:
    Tricks of the Trade.

    Examples
    --------
    >>> import gdcore as gd
    >>> scale = gd.Standardize.from_data([[1.0, 5.0], [3.0, 5.0]])
    >>> scale
    Standardize(mean=(2.0, 5.0), std=(1.0, 1.0))
    >>> gd.Sequential(scale, gd.Dense(2, 1), seed=0).predict([[2.0, 5.0]])
    array([[0.]], dtype=float32)
    """

    name = "standardize"
    labelled = ("mean", "std")

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        layers_checks.mean_and_std(self.mean, self.std)

    @classmethod
    @explains_calls
    def from_data(cls, X: ArrayLike) -> Standardize:
        """Return the layer with the mean and standard deviation (divided by n, not n - 1) of each column.

        Parameters
        ----------
        X : array_like, shape (n, n_features), or source
            The training data. A constant column gets std 1 and so becomes 0. A source, such as `gdcore.data.Npy`, is
            read once, block by block.
        """
        if is_source(X):
            return cast(Standardize, later("data", "standardize")(X))
        data, constant = _columns(X)
        half = data / 2 - data[0] / 2  # relative to the first row: exact far from 0, and no overflow
        size = np.abs(half).max(axis=0)
        unit = half / np.where(size > 0, size, 1.0)
        mean = np.where(constant, data[0], data[0] + 2 * (unit.mean(axis=0) * size))
        std = np.where(constant, 1.0, 2 * (unit.std(axis=0) * size))
        return cls(tuple(mean.tolist()), tuple(std.tolist()))

    @property
    def in_features(self) -> int:
        """Number of columns."""
        return len(self.mean)

    def affine(self) -> Affine:
        """Return the map that the kernels apply."""
        return Affine(np.array(self.mean), 1 / np.array(self.std), 0.0)

    def kernel_row(self, width: int, dtype: str) -> tuple[Any, ...]:
        """Return the layer as the kernels of a precision take it."""
        return _affine_row(self, dtype)


@final
@dataclass(frozen=True, repr=False)
class MinMax(Record):
    """Maps each column's interval [minimum, maximum] to [low, high]; values outside stay outside.

    Parameters
    ----------
    minimum, maximum : tuple of float
        One value per feature; `from_data` computes them. If they are equal, the output is (x - minimum) + low.
    low, high : float, default 0 and 1

    Raises
    ------
    TypeError, ValueError
        If an argument is not a tuple of finite numbers, lengths differ, a maximum is below its minimum, or high is not
        above low.

    Examples
    --------
    >>> import gdcore as gd
    >>> gd.MinMax.from_data([[1.0, 5.0], [3.0, 5.0]], low=-1.0)
    MinMax(minimum=(1.0, 5.0), maximum=(3.0, 5.0), low=-1.0)
    """

    name = "min_max"
    labelled = ("minimum", "maximum")

    minimum: tuple[float, ...]
    maximum: tuple[float, ...]
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        layers_checks.columns("minimum", self.minimum)
        layers_checks.columns("maximum", self.maximum, len(self.minimum))
        layers_checks.ordered(self.minimum, self.maximum)
        layers_checks.interval(self.low, self.high)

    @classmethod
    @explains_calls
    def from_data(cls, X: ArrayLike, low: float = 0.0, high: float = 1.0) -> MinMax:
        """Return the layer with the smallest and largest number of each column.

        Parameters
        ----------
        X : array_like, shape (n, n_features), or source
            The training data; a constant column becomes `low`.
        low, high : float, default 0 and 1
        """
        if is_source(X):
            return cast(MinMax, later("data", "min_max")(X, low, high))
        data, constant = _columns(X)
        minimum = np.where(constant, data[0], data.min(axis=0))
        maximum = np.where(constant, data[0], data.max(axis=0))
        return cls(tuple(minimum.tolist()), tuple(maximum.tolist()), low, high)

    @property
    def in_features(self) -> int:
        """Number of columns."""
        return len(self.minimum)

    def affine(self) -> Affine:
        """Return the map that the kernels apply."""
        shift = np.array(self.minimum)
        spread = np.array(self.maximum) - shift
        stretch = self.high - self.low
        return Affine(shift, np.where(spread > 0, stretch / np.where(spread > 0, spread, 1.0), 1.0), self.low)

    def kernel_row(self, width: int, dtype: str) -> tuple[Any, ...]:
        """Return the layer as the kernels of a precision take it."""
        return _affine_row(self, dtype)


@final
@dataclass(frozen=True, repr=False)
class Log1p(Record):
    """Takes a = log(1 + x), for inputs that span orders of magnitude; every x must be above -1.

    Parameters
    ----------
    in_features : int

    Raises
    ------
    TypeError, ValueError
        For a number of features that is not an integer >= 1.

    Examples
    --------
    >>> import gdcore as gd
    >>> log = gd.Log1p.from_data([[1.0], [100.0]])
    >>> log
    Log1p(in_features=1)
    >>> net = gd.Sequential(log, gd.Dense(1, 1, weight_init="ones"), dtype="float64")
    >>> net.predict([[1.0], [100.0]]).round(3).tolist()
    [[0.693], [4.615]]
    """

    name = "log1p"
    labelled = ("in_features",)

    in_features: int

    def __post_init__(self) -> None:
        layers_checks.features(self.in_features)

    @classmethod
    @explains_calls
    def from_data(cls, X: ArrayLike) -> Log1p:
        """Return the layer with as many features as X has.

        Parameters
        ----------
        X : array_like, shape (n, n_features)
            The training data, every number above -1.
        """
        data, _ = _columns(X)
        layers_checks.above_lowest(data, np.full(data.shape[1], -1.0))
        return cls(data.shape[1])

    def kernel_row(self, width: int, dtype: str) -> tuple[Any, ...]:
        """Return the layer as the kernels take it."""
        return "log1p", width


Scaling = Standardize | MinMax | Log1p


def moves_zero(layer: object) -> bool:
    """Return whether a layer makes an input of 0 into another number, which sparse inputs cannot follow.

    Examples
    --------
    >>> moves_zero(Standardize((0.0,), (2.0,))), moves_zero(Standardize((1.0,), (2.0,))), moves_zero(Log1p(1))
    (False, True, False)
    """
    if not isinstance(layer, Standardize | MinMax):
        return False
    shift, factor, offset = layer.affine()
    return bool(((0 - shift) * factor + offset).any())


def lowest_inputs(layers: tuple[object, ...]) -> NDArray[np.float64] | None:
    """Return the lower bound of every input (n_features,) for the leading layers' logarithms; None without these."""
    leading: list[Scaling] = []
    for layer in layers:
        if not isinstance(layer, Scaling):
            break
        leading.append(layer)
    lowest: NDArray[np.float64] | None = None
    for layer in reversed(leading):
        if isinstance(layer, Log1p):
            inner = np.full(layer.in_features, -1.0)
            lowest = inner if lowest is None else np.maximum(inner, np.expm1(lowest))
        elif lowest is not None:
            shift, factor, offset = layer.affine()
            lowest = (lowest - offset) / factor + shift
    return lowest


def scaled(layer: Scaling, x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return a layer's output and its slope at x (n, n_features), in NumPy."""
    if isinstance(layer, Log1p):
        return np.log1p(x), 1 / (1 + x)
    shift, factor, offset = layer.affine()
    return (x - shift) * factor + offset, np.broadcast_to(factor, x.shape)


def _affine_row(layer: Standardize | MinMax, dtype: str) -> tuple[Any, ...]:
    """Return an affine layer as the kernels of a precision take it, its numbers rounded to that."""
    with np.errstate(over="ignore"):
        exact = layer.affine()
        shift, factor = exact.shift.astype(dtype), exact.factor.astype(dtype)
    layers_checks.scale_fits(layer, shift, factor, dtype)
    return "affine", layer.in_features, shift, factor, exact.offset


def _columns(X: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return X (n, n_features) in float64, and which of its columns are constant."""
    received = checks.plain_array("X", X).dtype
    data = layers_checks.data(X)
    eps = float(np.finfo(received if received.kind == "f" else np.float64).eps)
    size = np.abs(data).max(axis=0)
    return data, data.max(axis=0) / 2 - data.min(axis=0) / 2 <= CONSTANT / 2 * eps * size
