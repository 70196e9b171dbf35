"""Every check of an argument, and its message: what, received, required, remedy."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ._habits import ABSENT, NAMES
from .arrays import every_finite as every_finite
from .arrays import frame_remedy, missing_row, text_entry
from .arrays import numbers_array as numbers_array
from .arrays import plain_array as plain_array
from .arrays import refuse_nan as refuse_nan
from .not_arrays import full_name, is_foreign, kind_of
from .spelling import did_you_mean

T = TypeVar("T")

DTYPES = ("float32", "float64")
SHORT = 80
"""Characters of a repr that a message may hold."""


def finite(name: str, value: object) -> float:
    """A finite real number, as a float."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {short(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {value!r}")
    return number


def positive(name: str, value: object) -> float:
    """A finite number above 0."""
    number = finite(name, value)
    if number <= 0:
        raise ValueError(f"{name} must be > 0, got {value!r}")
    return number


def nonnegative(name: str, value: object) -> float:
    """A finite number of at least 0."""
    number = finite(name, value)
    if number < 0:
        raise ValueError(f"{name} must be >= 0, got {value!r}")
    return number


def in_range(name: str, value: object, low: float, high: float) -> float:
    """A number in the half-open interval [low, high)."""
    number = finite(name, value)
    if not low <= number < high:
        raise ValueError(f"{name} must be in [{low:g}, {high:g}), got {value!r}")
    return number


def boolean(name: str, value: object) -> bool:
    """True or False, nothing that merely counts as one."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {short(value)}")
    return value


def integer(name: str, value: object, low: int, high: float = math.inf) -> int:
    """An integer from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {short(value)}")
    number = int(value)
    if number < low:
        raise ValueError(f"{name} must be >= {low}, got {value!r}")
    if number > high:
        raise ValueError(f"{name} must be <= {high}, got {value!r}")
    return number


def unit_pair(name: str, value: object) -> tuple[float, float]:
    """A tuple of two numbers in [0, 1)."""
    if not isinstance(value, tuple) or len(value) != 2:
        raise TypeError(f"{name} must be a tuple of two numbers, got {short(value)}")
    return in_range(f"{name}[0]", value[0], 0, 1), in_range(f"{name}[1]", value[1], 0, 1)


def nesterov(momentum: float, dampening: float) -> None:
    """Nesterov's momentum looks ahead along an undamped buffer."""
    if momentum == 0 or dampening != 0:
        raise ValueError(
            "nesterov=True needs momentum > 0 and dampening == 0, "
            f"got momentum={momentum!r} and dampening={dampening!r}"
        )


def precision(name: str, value: object) -> str:
    """The name of a precision that has kernels."""
    try:
        found = np.dtype(value).name  # type: ignore[call-overload]
    except TypeError:
        found = None
    if value is None or found not in DTYPES:
        hint = did_you_mean(value, DTYPES) if isinstance(value, str) and found is None else ""
        raise ValueError(f"{name} must be 'float32' or 'float64', got {short(value)}{hint}")
    return str(found)


def vector(name: str, value: object, n: int, dtype: str) -> NDArray[Any]:
    """An array of shape (n,) and exactly this dtype."""
    if not isinstance(value, np.ndarray):
        received = full_name(type(value))
        raise TypeError(f"{name} must be a NumPy array, got {received}: pass np.array({name}, {dtype!r})")
    if value.dtype != np.dtype(dtype):
        raise TypeError(f"{name} has dtype {value.dtype}; expected {dtype}: pass {name}.astype({dtype!r})")
    if value.shape != (n,):
        remedy = f": pass {name}.ravel()" if value.size == n else ""
        raise ValueError(f"{name} has shape {value.shape}; expected ({n},){remedy}")
    return value


def in_place(name: str, value: NDArray[Any]) -> None:
    """An array that a kernel may write into."""
    if not value.flags.writeable:
        raise ValueError(f"{name} is read-only and would be written: pass {name}.copy()")
    if not value.flags.carray:
        raise ValueError(f"{name} is not contiguous and would be written: pass {name}.copy()")


def saved_state(values: Mapping[str, Any], rule: str, n_slots: int, n_scalars: int) -> None:
    """An optimizer's state as its `to_dict` gave it."""
    missing = [key for key in ("rule", "slots", "scalars", "step_count") if key not in values]
    if missing:
        raise ValueError(f"the saved state lacks {', '.join(missing)}: save all that to_dict() returns")
    if values["rule"] != rule:
        raise ValueError(f"the saved state is of {values['rule']!r}; expected {rule!r}: use that optimizer")
    slots, scalars = np.asarray(values["slots"]), np.asarray(values["scalars"])
    precision("slots' dtype", slots.dtype)
    if slots.ndim != 2 or slots.shape[0] != n_slots:
        raise ValueError(f"slots has shape {slots.shape}; expected ({n_slots}, n): use the saved options")
    if scalars.shape != (n_scalars,):
        raise ValueError(f"scalars has shape {scalars.shape}; expected ({n_scalars},)")
    integer("step_count", values["step_count"], 0)


def known_name(kind: str, value: object, known: Sequence[str]) -> str:
    """A name among the known ones, in any case; the error lists them and the nearest."""
    if isinstance(value, type):
        raise TypeError(f"{kind} must be a name or a record, got the class {value.__name__}: pass {value.__name__}(…)")
    if not isinstance(value, str):
        raise TypeError(f"{kind} must be a name or a record, got {short(value)}; names: {', '.join(known)}")
    if value.lower() in known:
        return value.lower()
    meant = NAMES.get(value.lower(), "")
    hint = f"; did you mean {meant!r}?" if meant in known else did_you_mean(value, known)
    hint = f"; {ABSENT[value.lower()]}" if value.lower() in ABSENT else hint
    raise ValueError(f"unknown {kind} {value!r}; known: {', '.join(known)}{hint}")


def inside(name: str, value: object, low: float, high: float) -> float:
    """A number in the open interval (low, high)."""
    number = finite(name, value)
    if not low < number < high:
        raise ValueError(f"{name} must be in ({low:g}, {high:g}), got {value!r}")
    return number


def between(name: str, value: object, low: float, high: float) -> float:
    """A number in the closed interval [low, high]."""
    number = finite(name, value)
    if not low <= number <= high:
        raise ValueError(f"{name} must be in [{low:g}, {high:g}], got {value!r}")
    return number


def inputs(
    value: object, n_features: int, dtype: str, lowest: NDArray[np.float64] | None = None
) -> NDArray[Any]:
    """X of shape (n, n_features), n >= 1; each column above its lowest (n_features,), where that is given."""
    X = numbers_array("X", value, dtype)
    if X.ndim != 2:
        remedy = ": pass X[None, :] for one sample" if X.shape == (n_features,) else ""
        if X.ndim == 1 and n_features == 1 and X.size != 1:
            remedy = ": pass X[:, None]"
        raise ValueError(f"X has shape {X.shape}; expected (n_samples, {n_features}){remedy}")
    if X.shape[1] != n_features:
        remedy = ": pass X.T" if X.shape[0] == n_features else ""
        raise ValueError(f"X has {X.shape[1]} features, but the model expects {n_features}{remedy}")
    if X.shape[0] == 0:
        raise ValueError("X has no rows; expected at least one sample")
    if lowest is not None:
        above_lowest(X, lowest)
    return X


def above_lowest(X: NDArray[Any], lowest: NDArray[np.float64]) -> None:
    """Every number of X (n, k) is above its column's lowest (k,)."""
    bad = lowest >= X
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"X has {X[row, column]:g} in row {row}, column {column}; Log1p needs numbers above "
            f"{lowest[column]:g} there: shift the column, or use Standardize instead"
        )


def other_shape(name: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """The end of a message: how an array of this shape gets the expected one, or "" where neither way is meant."""
    flat = min(len(shape), len(expected)) <= 1 and math.prod(shape) == math.prod(expected)
    if flat or [k for k in shape if k != 1] == [k for k in expected if k != 1]:
        return f": pass {name}.reshape{expected}"
    return f": pass {name}.T" if shape == expected[::-1] else ""


def labels(value: object, n: int, n_classes: int, array: NDArray[Any] | None = None) -> NDArray[np.int64]:
    """Class labels: integers 0 … n_classes - 1, shape (n,); `array` is the value as one, where it is known."""
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
    "unit": ("in [0, 1]: pass (y + 1) / 2 for -1 and 1", lambda y: (y < 0) | (y > 1)),
    "sign": ("-1 or 1: pass 2 * y - 1 for 0 and 1", lambda y: np.abs(y) != 1),
    "class": (">= 0: they are probabilities", lambda y: y < 0),
}


def targets(value: object, n: int, n_outputs: int, kind: str, dtype: str) -> NDArray[Any]:
    """Targets of shape (n, n_outputs), (n,) too where there is one output, of what the loss can take."""
    y = numbers_array("y", value, dtype)
    if y.shape == (n,) and n_outputs == 1:
        y = y[:, None]
    if y.shape != (n, n_outputs):
        expected = f"({n}, {n_outputs})" + (f" or ({n},)" if n_outputs == 1 else "")
        remedy = other_shape("y", y.shape, (n, n_outputs))
        if not remedy and y.shape in ((n,), (n, 1)) and kind != "class":
            classes = ", or take cross_entropy for class labels" if kind in ("unit", "sign") else ""
            remedy = f": give the model one output{classes}"
        raise ValueError(f"y has shape {y.shape}; expected {expected}{remedy}")
    if kind != "real":
        allowed, wrong = _ALLOWED[kind]
        bad = wrong(y)
        if bad.any():
            row, column = (int(i) for i in np.argwhere(bad)[0])
            raise ValueError(f"y has {y[row, column]:g} in row {row}; targets of this loss must be {allowed}")
    if kind == "class":
        off = np.abs(y.sum(axis=1) - 1)
        if (off > 1e-3).any():
            row = int(off.argmax())
            raise ValueError(
                f"y has probabilities that sum to {y[row].sum():g} in row {row}; expected 1: divide by the sum"
            )
    return y


def sample_weight(value: object, n: int, dtype: str) -> NDArray[Any]:
    """Weights of shape (n,), none negative, not all zero."""
    weight = numbers_array("sample_weight", value, dtype)
    if weight.shape != (n,):
        remedy = f": pass {frame_remedy('sample_weight', value)}" if weight.size == n else ""
        raise ValueError(f"sample_weight has shape {weight.shape}; expected ({n},){remedy}")
    if weight.min() < 0:
        row = int(np.argmax(weight < 0))
        raise ValueError(f"sample_weight has {weight[row]:g} in row {row}; weights must be >= 0")
    if not weight.any():
        raise ValueError("sample_weight sums to 0; at least one weight must be > 0")
    return weight


def custom_result(value: object, shape: tuple[int, int], dtype: str) -> tuple[float, NDArray[Any]]:
    """What a custom loss returned: a number and d value / d outputs of the outputs' shape."""
    if not isinstance(value, tuple) or len(value) != 2:
        raise TypeError(f"a custom loss must return (value, d value / d outputs), got {full_name(type(value))}")
    loss, delta = np.asarray(value[0]), np.asarray(value[1])
    if loss.dtype.kind not in "biuf" or loss.shape != ():
        received = f"an array of shape {loss.shape}" if loss.shape else repr(value[0])
        raise TypeError(f"a custom loss must return a number first, got {received}")
    if delta.dtype.kind not in "biuf" or delta.shape != shape:
        raise ValueError(
            f"a custom loss returned a derivative of shape {delta.shape} and dtype {delta.dtype}; "
            f"expected the outputs' shape {shape} and real numbers (a y of shape (n,) broadcasts: use y[:, None])"
        )
    with np.errstate(over="ignore"):
        return float(loss), np.require(delta, dtype, ["C", "A"])


def model_size(n_params: int) -> None:
    """A number of parameters that memory can hold."""
    if n_params > 2**40:
        raise ValueError(f"the layers have {n_params} parameters, more than memory can hold: use smaller layers")


def weight_shape(shape: object) -> tuple[int, int]:
    """A weight's shape (in_features, out_features)."""
    if (
        not isinstance(shape, tuple)
        or len(shape) != 2
        or not all(isinstance(n, numbers.Integral) and int(n) >= 1 for n in shape)
    ):
        raise ValueError(f"shape must be (in_features, out_features), integers >= 1, got {shape!r}")
    return shape


def instance(name: str, value: T | object, kind: type[T], example: str) -> T:
    """An object of a class."""
    if not isinstance(value, kind):
        received = kind_of(value) if is_foreign(value) else short(value)
        received = f"the class {full_name(value)}" if isinstance(value, type) else received
        required = kind.__name__ if inspect.isabstract(kind) else full_name(kind)
        raise TypeError(f"{name} must be a {required}, such as {example}, got {received}")
    return value


def short(value: object) -> str:
    """A value in a few words: its repr, or where that is long its type, with an array's shape.

    Examples
    --------
    >>> short(3), short(np.zeros((40, 5))), short(list(range(100)))
    ('3', 'a ndarray of shape (40, 5)', 'a list of length 100')
    """
    kind = kind_of(value)
    if isinstance(value, np.ndarray) and value.ndim:
        return f"{kind} of shape {value.shape}"
    text = repr(value)
    if len(text) <= SHORT and "\n" not in text and " object at 0x" not in text:
        return text
    length = f" of length {len(value)}" if isinstance(value, Sequence | Mapping) else ""
    return f"{kind}{length}"


def layer_sizes(value: object) -> list[int]:
    """At least two integers >= 1."""
    listed = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(listed, list | tuple) or len(listed) < 2:
        raise ValueError(f"sizes must be a list of at least two layer sizes, such as [64, 128, 10], got {short(value)}")
    return [integer(f"sizes[{i}]", size, 1) for i, size in enumerate(listed)]
