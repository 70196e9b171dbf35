"""Checks of the layers that scale inputs, and of the data they are fitted to. See checks.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .checks import finite, numbers_array, short


def columns(name: str, value: object, n: int | None = None) -> None:
    """A tuple of finite numbers, n of them where that is known."""
    if not isinstance(value, tuple) or not value:
        raise TypeError(f"{name} must be a tuple of numbers, one per feature, got {short(value)}: use from_data(X)")
    for i, number in enumerate(value):
        finite(f"{name}[{i}]", number)
    if n is not None and len(value) != n:
        raise ValueError(f"{name} has {len(value)} numbers; expected {n}, one per feature")


def all_positive(name: str, values: tuple[float, ...]) -> None:
    """Numbers above 0."""
    for i, value in enumerate(values):
        if value <= 0:
            raise ValueError(f"{name}[{i}] must be > 0, got {value!r}: give a constant column 1")


def ordered(minimum: tuple[float, ...], maximum: tuple[float, ...]) -> None:
    """No maximum below its minimum."""
    for i, (low, high) in enumerate(zip(minimum, maximum, strict=True)):
        if high < low:
            raise ValueError(f"maximum[{i}] must be >= minimum[{i}] = {low!r}, got {high!r}")


def interval(low: object, high: object) -> None:
    """Two numbers, the second one larger."""
    if finite("high", high) <= finite("low", low):
        raise ValueError(f"high must be > low = {low!r}, got {high!r}")


def data(X: object) -> NDArray[np.float64]:
    """X of shape (n, n_features), neither of them 0."""
    array = numbers_array("X", X, "float64")
    if array.ndim != 2 or array.size == 0:
        remedy = ": pass X[:, None] for one feature" if array.ndim == 1 and array.size else ""
        raise ValueError(f"X has shape {array.shape}; expected (n_samples, n_features), both >= 1{remedy}")
    return array


def scale_fits(layer: object, shift: NDArray[np.floating], factor: NDArray[np.floating], dtype: str) -> None:
    """A layer's numbers (n,) after rounding to a model's precision: finite, and the factors not 0."""
    bad = ~np.isfinite(shift) | ~np.isfinite(factor) | (factor == 0)
    if bad.any():
        column = int(np.argmax(bad))
        raise ValueError(
            f"column {column} of {type(layer).__name__} has a scale that {dtype} cannot hold: "
            + ("use dtype='float64'" if dtype == "float32" else "multiply the column by a constant first")
        )
