"""Checks of data; each error says what to do."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..base.arrays import frame_remedy, missing_row, numbers_array, plain_array, refuse_nan, text_entry
from ..base.checks import nonnegative, short
from ..layers import checks as layers_checks


def one_column_of_classes(target: NDArray[Any] | None, kind: str | None) -> NDArray[Any]:
    """Check targets (n, 1) of two classes, 0 and 1 or -1 and 1, and return them as (n,)."""
    if target is None or kind not in ("unit", "sign") or target.shape[1] != 1:
        raise ValueError("class_weight needs labels, or one output whose targets are 0 and 1 or -1 and 1")
    column = target[:, 0]
    if kind == "unit" and not np.isin(column, (0, 1)).all():
        raise ValueError("class_weight needs targets that are 0 or 1, got numbers between: use sample_weight")
    return column


def class_weights(value: object, known: Sequence[int]) -> dict[int, float]:
    """Check and return weights of existing classes."""
    if not isinstance(value, Mapping):
        raise TypeError(f"class_weight must be 'balanced' or a dict class -> weight, got {short(value)}")
    found = {}
    for label, weight in value.items():
        if isinstance(label, bool) or not isinstance(label, numbers.Integral) or label not in known:
            raise ValueError(f"class_weight names the class {label!r}; known: {', '.join(map(str, known))}")
        found[int(label)] = nonnegative(f"class_weight[{label!r}]", weight)
    return found


def some_weight(some: bool | np.bool_) -> None:
    """Check that not all weights are 0."""
    if not some:
        raise ValueError("class_weight leaves no sample with a weight above 0: raise one of its weights")


def other_names(names: Sequence[str], known: Sequence[str]) -> None:
    """Raise the error for columns that a model was not fitted on, or in another order."""
    lacks, new = [name for name in known if name not in names], [name for name in names if name not in known]
    if not lacks and not new and len(names) == len(known):
        first = next(i for i, name in enumerate(names) if name != known[i])
        raise ValueError(
            f"X has {names[first]!r} in column {first}, where the model was fitted on {known[first]!r}: "
            "pass X[list(model.feature_names)]"
        )
    differences = [f"lacks {_listed(lacks)}"] if lacks else []
    differences += [f"has {_listed(new)} besides"] if new else []
    raise ValueError(
        f"X {' and '.join(differences or ['has a column twice'])}; the model was fitted on {_listed(known)}: "
        f"pass {'a frame with those columns' if lacks else 'X[list(model.feature_names)]'}"
    )


def _listed(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(map(repr, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


LARGEST = 1e280
SMALLEST = 1 / LARGEST
"""The sum of the weights must lie between these; beyond, it or its inverse could overflow for some data."""


def sum_in_range(name: str, weight: NDArray[Any] | float) -> None:
    """Check that the sum of weights (n,) >= 0, or that a sum, is neither too large nor too small to divide by."""
    with np.errstate(over="ignore"):
        total = float(np.sum(weight, dtype=np.float64))
    if not SMALLEST <= total <= LARGEST:
        raise ValueError(
            f"{name} makes weights that sum to {total:g}; expected a sum from {SMALLEST:g} to {LARGEST:g}: scale them"
        )


def inputs(value: object, n_features: int, dtype: str, lowest: NDArray[np.float64] | None = None) -> NDArray[Any]:
    """Check and return X of shape (n, n_features), n >= 1; each column is above its `lowest` (n_features,) if given."""
    X = numbers_array("X", value, dtype)
    input_shape(X.shape, n_features)
    if lowest is not None:
        layers_checks.above_lowest(X, lowest)
    return X


def input_shape(shape: tuple[int, ...], n_features: int) -> None:
    """Check that inputs have the shape (n, n_features), n >= 1."""
    if len(shape) != 2:
        remedy = ": pass X[None, :] for one sample" if shape == (n_features,) else ""
        if len(shape) == 1 and n_features == 1 and shape != (1,):
            remedy = ": pass X[:, None]"
        raise ValueError(f"X has shape {shape}; expected (n_samples, {n_features}){remedy}")
    if shape[1] != n_features:
        remedy = "pass X.T" if shape[0] == n_features else other_features(shape[1], n_features)
        raise ValueError(f"X has {shape[1]} features, but the model expects {n_features}: {remedy}")
    if shape[0] == 0:
        raise ValueError("X has no rows; expected at least one sample")


def other_features(given: int, expected: int) -> str:
    """Return what to do about inputs of another number of features than the model's."""
    columns = "1 column" if expected == 1 else f"{expected} columns"
    inputs = "1 input" if given == 1 else f"{given} inputs"
    return f"pass {columns}, or give the model {inputs}" if given else f"pass {columns}"


def labels(value: object, n: int, n_classes: int, array: NDArray[Any] | None = None) -> NDArray[np.int64]:
    """Check and return class labels: integers 0 … n_classes - 1, shape (n,); `array` is the value as an array, if
    known.
    """
    y = plain_array("y", value) if array is None else array
    if y.dtype.kind not in "biu":
        refuse_nan("y", value, y)
        if value is None:
            raise TypeError(f"y is None; expected integer class labels of shape ({n},)")
        missing, text = missing_row(y), text_entry(y)
        if missing is not None:
            raise ValueError(f"y has no label in row {missing}; remove the row")
        received = f"has text, {text}" if text else f"has dtype {y.dtype}"
        integers = "np.unique(y, return_inverse=True)[1]" if text else "y.astype(int)"
        raise TypeError(
            f"y {received}; expected integer class labels of shape ({n},), pass {integers}, "
            f"or class probabilities of shape ({n}, {n_classes})"
        )
    if y.shape != (n,):
        remedy = f": pass {frame_remedy('y', value)}" if y.size == n else ""
        raise ValueError(f"y has shape {y.shape}; expected ({n},){remedy}")
    if y.min() < 0 or y.max() >= n_classes:
        row = int(np.argmax((y < 0) | (y >= n_classes)))
        remedy = ": pass y - 1" if y.min() == 1 and y.max() == n_classes else ""
        raise ValueError(
            f"y has label {y[row]} in row {row}; expected 0 … {n_classes - 1}, "
            f"one for each of the model's outputs{remedy}"
        )
    return np.require(y, np.int64, ["C", "A"])


_ALLOWED: dict[str, tuple[str, Callable[[NDArray[Any]], NDArray[np.bool_]]]] = {
    "nonnegative": (">= 0: they are counts", lambda y: y < 0),
    "unit": ("in [0, 1]", lambda y: (y < 0) | (y > 1)),
    "sign": ("-1 or 1", lambda y: np.abs(y) != 1),
    "class": (">= 0: they are probabilities", lambda y: y < 0),
}


def targets(value: object, n: int, n_outputs: int, kind: str, dtype: str) -> NDArray[Any]:
    """Check and return targets of shape (n, n_outputs), or (n,) for one output, of a kind that the loss takes."""
    y = numbers_array("y", value, dtype)
    if y.shape == (n,) and n_outputs == 1:
        y = y[:, None]
    if y.shape != (n, n_outputs):
        expected = f"({n}, {n_outputs})" + (f" or ({n},)" if n_outputs == 1 else "")
        remedy = checks.other_shape("y", y.shape, (n, n_outputs))
        if not remedy and y.shape in ((n,), (n, 1)) and kind != "class":
            classes = kind in ("unit", "sign") or (kind == "real" and _are_labels(y, n_outputs))
            remedy = ": give the model one output" + (", or take cross_entropy for class labels" if classes else "")
        raise ValueError(f"y has shape {y.shape}; expected {expected}{remedy}")
    if kind != "real":
        allowed, wrong = _ALLOWED[kind]
        bad = wrong(y)
        if bad.any():
            row, column = (int(i) for i in np.argwhere(bad)[0])
            remedy = _for_two_classes(y, kind)
            raise ValueError(f"y has {y[row, column]:g} in row {row}; targets of this loss must be {allowed}{remedy}")
    if kind == "class":
        off = np.abs(y.sum(axis=1) - 1)
        if (off > 1e-3).any():
            row = int(off.argmax())
            raise ValueError(
                f"y has probabilities that sum to {y[row].sum():g} in row {row}; expected 1: divide by the sum"
            )
    return y


def _for_two_classes(y: NDArray[Any], kind: str) -> str:
    """Return how targets of two other numbers become those of two classes, as the end of a message; "" if unclear."""
    numbers = np.unique(y)
    if kind not in ("unit", "sign") or len(numbers) > 2:
        return ""
    low, high = float(numbers[0]), float(numbers[-1])
    if low == (-1 if kind == "unit" else 0) and high in (low, 1):
        return ": pass (y + 1) / 2" if kind == "unit" else ": pass 2 * y - 1"
    if low == high:
        return ""
    return f": pass np.equal(y, {high:g})" if kind == "unit" else f": pass np.where(np.equal(y, {high:g}), 1, -1)"


def _are_labels(y: NDArray[Any], n_classes: int) -> bool:
    """Return whether targets look like labels of several classes: whole numbers below their number, from 0 on."""
    return bool(len(y) and ((y == np.floor(y)) & (y >= 0) & (y < n_classes)).all() and y.min() < y.max())


def no_weight(value: object) -> None:
    """Check that there are no weights, where the loss is a custom one."""
    if value is not None:
        raise TypeError("sample_weight does not go with a custom loss: weight the values inside the loss")


def sample_weight(value: object, n: int, dtype: str) -> NDArray[Any]:
    """Check and return weights of shape (n,), none negative, not all zero."""
    weight = weights_of_rows(value, n, dtype)
    weighs_something(weight.any())
    return weight


def weighs_something(some: bool | np.bool_) -> None:
    """Check that not all weights are zero."""
    if not some:
        raise ValueError("sample_weight sums to 0; at least one weight must be > 0")


def weights_of_rows(value: object, n: int, dtype: str) -> NDArray[Any]:
    """Check and return weights of shape (n,), none negative."""
    weight = numbers_array("sample_weight", value, dtype)
    if weight.shape != (n,):
        remedy = f": pass {frame_remedy('sample_weight', value)}" if weight.size == n else ""
        raise ValueError(f"sample_weight has shape {weight.shape}; expected ({n},){remedy}")
    if weight.min() < 0:
        row = int(np.argmax(weight < 0))
        raise ValueError(f"sample_weight has {weight[row]:g} in row {row}; weights must be >= 0")
    return weight


def real_targets(loss: str, kind: str) -> None:
    """Check that the loss takes any real numbers as targets, so that they can be scaled."""
    if kind != "real":
        raise ValueError(f"ScaledTarget scales targets that are any numbers, not those of {loss}: leave it out")
