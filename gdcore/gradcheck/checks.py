"""Checks of the gradient checker's arguments; each error says what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.checks import integer, numbers_array, other_shape, plain_array
from ..base.not_arrays import full_name
from ..minimize import checks as minimize_checks

MAX_INPUT_ROWS = 8192


def one_number(name: str, value: object) -> tuple[float, bool]:
    """Return a scalar function's result as a float, and whether its precision is below float64."""
    if value is None:
        raise TypeError(f"{name} returned None; expected a number: is a return missing?")
    if isinstance(value, tuple | list) and len(value) != 1:
        raise TypeError(
            f"{name} returned {len(value)} items; expected a number: pass grad=True where it returns (value, gradient)"
        )
    array = np.asarray(value)
    if array.dtype.kind == "c":
        raise TypeError(f"{name} returned a complex number, {value!r}; expected a real one")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} returned {full_name(type(value))}; expected a number")
    if array.size != 1:
        raise ValueError(
            f"{name} returned an array of shape {array.shape}; expected one number: return its sum, or its mean"
        )
    return float(array.reshape(())), array.dtype.kind == "f" and array.dtype.itemsize < 8


def finite_value(name: str, value: float) -> float:
    """Check and return the value at the point of the check."""
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value}; expected a finite number: check at a point inside the domain")
    return value


def repeatable(name: str, apart: float, value: float, most: float) -> None:
    """Check that two calls at one point differ by at most `most` of the value."""
    if not apart <= most * abs(value):
        raise ValueError(
            f"{name} is not deterministic: two calls with the same x gave values {apart:.3g} apart, of {value:.6g}; "
            "fix its random seed, or what it keeps between calls"
        )


def point(name: str, value: object) -> NDArray[Any]:
    """Check and return the point of the check: one or more finite numbers, float32 or float64."""
    minimize_checks.no_tree(name, value)
    array = plain_array(name, value)
    if array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}: no entries; expected at least one number")
    return numbers_array(name, array, "float32" if array.dtype == np.float32 else "float64").reshape(array.shape)


def is_given(name: str, value: object) -> None:
    """Check that a gradient is given, in any of its forms."""
    if value is None or value is False:
        raise TypeError(
            f"{name} must be a function, an array, or True where fun returns (value, gradient), got {value}"
        )


def value_and_gradient(name: str, value: object) -> tuple[Any, Any]:
    """Check and return the pair of a function that returns its gradient too."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        received = f"{len(value)} items" if isinstance(value, tuple | list) else full_name(type(value))
        raise TypeError(f"{name} must return (value, gradient) where grad is True, got {received}: pass grad=function")
    return value[0], value[1]


def one_array(name: str, value: object, shape: tuple[int, ...]) -> None:
    """Check that one array is given rather than a dict or a list of arrays."""
    items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list | tuple) else []
    if isinstance(value, dict) or len({plain_array(name, item).shape for item in items}) > 1:
        grads = "grads.values()" if isinstance(value, dict) else "grads"
        flat = f": pass one flat vector, np.concatenate([g.ravel() for g in {grads}])" if len(shape) == 1 else ""
        raise TypeError(
            f"{name} is a {type(value).__name__} of {len(items)} arrays; expected one array of shape {shape}{flat}"
        )


def gradient(
    name: str, value: object, shape: tuple[int, ...], owner: str = "the parameters have"
) -> NDArray[np.float64]:
    """Check and return a gradient of its owner's shape, flat; NaN and infinity are kept."""
    if value is None:
        raise TypeError(f"{name} returned None; expected an array of shape {shape}: is a return missing?")
    one_array(name, value, shape)
    array = plain_array(name, value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {array.dtype}; expected real numbers")
    if array.shape != shape:
        remedy = other_shape(name, array.shape, shape)
        raise ValueError(f"{name} has shape {array.shape}; expected {shape}, as {owner}{remedy}")
    return array.astype(np.float64).ravel()


def joined(name: str, value: Any, shapes: Mapping[str, tuple[int, ...]]) -> Any:
    """Join a list of arrays in the order of the parameters, or a dict with their names, into one flat vector."""
    known = ", ".join(shapes)
    if isinstance(value, dict):
        if value.keys() != shapes.keys():
            raise ValueError(f"{name} has the names {', '.join(map(str, value))}; expected {known}")
        parts = [(f"{name}[{key!r}]", value[key], key) for key in shapes]
    elif isinstance(value, list | tuple) and any(plain_array(name, item).ndim for item in value):
        if len(value) != len(shapes):
            raise ValueError(f"{name} has {len(value)} arrays; expected {len(shapes)}, of {known}, or one flat vector")
        parts = [(f"{name}[{i}]", part, key) for i, (part, key) in enumerate(zip(value, shapes, strict=True))]
    else:
        return value
    flat = []
    for place, part, key in parts:
        if part is None:
            raise TypeError(f"{place} is None; expected an array of shape {shapes[key]}: was the backward pass run?")
        flat.append(gradient(place, part, shapes[key], f"{key} has"))
    return np.concatenate(flat).astype(np.result_type(*(np.asarray(part).dtype for _, part, _ in parts)))


def claimed_precision(value: object) -> str:
    """Return the precision of a gradient: "float64" unless it is an array of "float32" or "float16"."""
    dtype = np.asarray(value).dtype
    return dtype.name if dtype in (np.float16, np.float32) else "float64"


def repeatable_gradient(name: str, first: NDArray[Any], second: NDArray[Any], most: float) -> None:
    """Check that two gradients at one point differ by at most `most` of the largest entry."""
    with np.errstate(invalid="ignore"):
        same = (np.isnan(first) & np.isnan(second)) | (first == second)
        apart = np.where(same, 0.0, np.abs(first - second))
        largest = np.max(np.abs(first), where=np.isfinite(first), initial=0.0)
    if not apart.max() <= most * largest:
        raise ValueError(
            f"{name} is not deterministic: two calls with the same x differ by up to {apart.max():.3g}; "
            "fix its random seed, or what it keeps between calls"
        )


def order(value: object, wrt: str, grad: object) -> int:
    """Check and return the order of the derivative to check."""
    number = integer("order", value, 1, 2)
    if number == 2 and wrt != "params":
        raise ValueError(f"order=2 is of the parameters, got wrt={wrt!r}: leave wrt out")
    if number == 2 and grad is not None and not callable(grad):
        raise TypeError(f"order=2 takes for grad a callable v -> Hessian times v, got {full_name(type(grad))}")
    return number


def input_rows(n: int) -> None:
    """Check that a check of inputs has few enough rows; they take an array (n, n)."""
    if n > MAX_INPUT_ROWS:
        raise ValueError(f"wrt='inputs' takes at most {MAX_INPUT_ROWS} rows, got {n}: check some of them")
