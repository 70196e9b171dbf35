"""Checks of the layers that scale inputs, and of the data they are fitted to. See checks.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .checks import finite, integer, numbers_array, plain_array, short


def columns(name: str, value: object, n: int | None = None) -> None:
    """A tuple of finite numbers, n of them where that is known."""
    if not isinstance(value, tuple) or not value:
        raise TypeError(f"{name} must be a tuple of numbers, one per feature, got {short(value)}: use from_data(X)")
    for i, number in enumerate(value):
        finite(f"{name}[{i}]", number)
    if n is not None and len(value) != n:
        raise ValueError(f"{name} has {len(value)} numbers; expected {n}, one per feature")


def features(value: object) -> None:
    """A number of columns."""
    if not isinstance(value, int | np.integer) and np.ndim(value) > 0:  # type: ignore[arg-type]
        raise TypeError(f"in_features must be an integer, got {short(value)}: use from_data(X)")
    integer("in_features", value, 1)


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


def target_columns(y: object) -> NDArray[np.generic]:
    """Targets of shape (n, n_outputs), a column where there is one output."""
    array = plain_array("y", y)
    if array.ndim not in (1, 2) or array.size == 0:
        raise ValueError(f"y has shape {array.shape}; expected (n_samples,) or (n_samples, n_outputs), both >= 1")
    numbers_array("y", y, "float64")
    columns: NDArray[np.generic] = array[:, None] if array.ndim == 1 else array
    return columns


def real_targets(loss: str, kind: str) -> None:
    """A loss whose targets may be any numbers, which a scale does not change the kind of."""
    if kind != "real":
        raise ValueError(f"ScaledTarget scales targets that are any numbers, not those of {loss}: leave it out")


def scale_fits(layer: object, shift: NDArray[np.floating], factor: NDArray[np.floating], dtype: str) -> None:
    """A layer's numbers (n,) after rounding to a model's precision: finite, and the factors not 0."""
    bad = ~np.isfinite(shift) | ~np.isfinite(factor) | (factor == 0)
    if bad.any():
        column = int(np.argmax(bad))
        raise ValueError(
            f"column {column} of {type(layer).__name__} has a scale that {dtype} cannot hold: "
            + ("use dtype='float64'" if dtype == "float32" else "multiply the column by a constant first")
        )
