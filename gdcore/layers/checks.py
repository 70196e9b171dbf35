"""Checks of the layers' arguments; each error says what to do."""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.arrays import numbers_array, plain_array
from ..base.checks import finite, integer, short
from ..base.not_models import received, where_the_model_is
from ..base.spelling import one_of_these


def columns(name: str, value: object, n: int | None = None) -> None:
    """Check a tuple of finite numbers, of length n if that is known."""
    if not isinstance(value, tuple) or not value:
        raise TypeError(f"{name} must be a tuple of numbers, one per feature, got {short(value)}: use from_data(X)")
    for i, number in enumerate(value):
        finite(f"{name}[{i}]", number)
    if n is not None and len(value) != n:
        raise ValueError(f"{name} has {len(value)} numbers; expected {n}, one per feature")


def features(value: Any) -> None:
    """Check a number of columns."""
    if not isinstance(value, int | np.integer) and np.ndim(value) > 0:
        raise TypeError(f"in_features must be an integer, got {short(value)}: use from_data(X)")
    integer("in_features", value, 1)


def all_positive(name: str, values: tuple[float, ...]) -> None:
    """Check that all numbers are above 0."""
    for i, value in enumerate(values):
        if value <= 0:
            raise ValueError(f"{name}[{i}] must be > 0, got {value!r}: give a constant column 1")


def mean_and_std(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    """Check two tuples of one length, a mean and a standard deviation for each column."""
    columns("mean", mean)
    columns("std", std, len(mean))
    all_positive("std", std)


def ordered(minimum: tuple[float, ...], maximum: tuple[float, ...]) -> None:
    """Check that no maximum is below its minimum."""
    for i, (low, high) in enumerate(zip(minimum, maximum, strict=True)):
        if high < low:
            raise ValueError(f"maximum[{i}] must be >= minimum[{i}] = {low!r}, got {high!r}")


def interval(low: object, high: object) -> None:
    """Check that the second of two numbers is larger."""
    if finite("high", high) <= finite("low", low):
        raise ValueError(f"high must be > low = {low!r}, got {high!r}")


def data(X: object) -> NDArray[np.float64]:
    """Check and return X of shape (n, n_features), neither of them 0."""
    array = numbers_array("X", X, "float64")
    if array.ndim != 2 or array.size == 0:
        remedy = ": pass X[:, None] for one feature" if array.ndim == 1 and array.size else ""
        raise ValueError(f"X has shape {array.shape}; expected (n_samples, n_features), both >= 1{remedy}")
    return array


def target_columns(y: object) -> NDArray[np.generic]:
    """Check and return targets of shape (n, n_outputs), a column for one output."""
    array = plain_array("y", y)
    if array.ndim not in (1, 2) or array.size == 0:
        raise ValueError(f"y has shape {array.shape}; expected (n_samples,) or (n_samples, n_outputs), both >= 1")
    numbers_array("y", y, "float64")
    columns: NDArray[np.generic] = array[:, None] if array.ndim == 1 else array
    return columns


def scale_fits(layer: object, shift: NDArray[np.floating], factor: NDArray[np.floating], dtype: str) -> None:
    """Check that a layer's numbers (n,), rounded to a model's precision, are finite and the factors not 0."""
    bad = ~np.isfinite(shift) | ~np.isfinite(factor) | (factor == 0)
    if bad.any():
        column = int(np.argmax(bad))
        raise ValueError(
            f"column {column} of {type(layer).__name__} has a scale that {dtype} cannot hold: "
            + ("use dtype='float64'" if dtype == "float32" else "multiply the column by a constant first")
        )


def above_lowest(X: NDArray[Any], lowest: NDArray[np.float64]) -> None:
    """Check that every number of X (n, k) is above its column's lowest (k,)."""
    bad = lowest >= X
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise too_low(X[row, column], row, column, lowest[column])


def too_low(value: float, row: int, column: int, lowest: float) -> ValueError:
    """Return the error for an input that a logarithm does not take."""
    return ValueError(
        f"X has {value:g} in row {row}, column {column}; Log1p needs numbers above {lowest:g} there: "
        "shift the column, or use Standardize instead"
    )


def weight_shape(shape: object) -> tuple[int, int]:
    """Check and return a weight's shape (in_features, out_features)."""
    if (
        not isinstance(shape, tuple)
        or len(shape) != 2
        or not all((type(n) is int or isinstance(n, numbers.Integral)) and int(n) >= 1 for n in shape)
    ):
        raise ValueError(f"shape must be (in_features, out_features), integers >= 1, got {shape!r}")
    return shape


def model_size(n_params: int) -> None:
    """Check that memory can hold this number of parameters."""
    if n_params > 2**40:
        raise ValueError(f"the layers have {n_params} parameters, more than memory can hold: use smaller layers")


def own_params(value: NDArray[Any], n: int, dtype: str, writes: bool = True) -> NDArray[Any]:
    """Check and return a model's own vector; NumPy would let its dtype, shape and flags be set in place."""
    if value.dtype != dtype:
        raise ValueError(
            f"model.params was set to dtype {value.dtype} in place; expected {dtype}: set model.params.dtype = "
            f"{dtype!r}, and take model.astype for another precision"
        )
    if value.shape != (n,):
        raise ValueError(
            f"model.params was set to shape {value.shape} in place; expected ({n},): set model.params.shape = ({n},), "
            "and take model.parameters() for the layers' own"
        )
    if writes and not value.flags.writeable:
        raise ValueError("params is read-only: set model.params.flags.writeable = True")
    return value


def flat_vector(vector: Any, n: int) -> None:
    """Check that a flat vector has one number for each parameter."""
    if not isinstance(vector, np.ndarray) or vector.shape != (n,):
        raise ValueError(f"vector has shape {np.shape(vector)}; expected ({n},)")


def no_model(value: object) -> str:
    """Return the message for something that is no model."""
    got = f"got {received(value, short(value))}{where_the_model_is(value)}"
    return f"model must be a gdcore.Sequential, such as gdcore.MLP([2, 8, 1]), {got}"


def no_layer(place: int, value: object, kinds: Iterable[str]) -> TypeError:
    """Return the error for something that stands in a layer's place."""
    remedy = ": pass the layers themselves, not a list of them" if isinstance(value, list | tuple) else ""
    return TypeError(f"layer {place} must be a {one_of_these(kinds)}, got {short(value)}{remedy}")


def other_width(place: int, in_features: int, width: int) -> ValueError:
    """Return the error for a layer that does not take what the one before it gives."""
    return ValueError(f"layer {place} takes {in_features} features, but the one before it gives {width}")


def target_not_last(place: int) -> ValueError:
    """Return the error for a ScaledTarget within a model."""
    return ValueError(f"layer {place} is a ScaledTarget, which scales outputs: put it last")


def scaling_without_dense(layer: object, has_dense: bool) -> ValueError:
    """Return the error for a scaling layer that no dense layer follows."""
    remedy = "put it before one, or add one" if has_dense else "add one"
    return ValueError(f"a Dense layer must come after {type(layer).__name__}, which scales inputs: {remedy}")


def no_dense() -> ValueError:
    """Return the error for a model without dense layers."""
    return ValueError("a model needs at least one Dense layer")
