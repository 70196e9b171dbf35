"""Basic checks: each takes a value that a user passed and returns it in the library's form, or raises."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .arrays import every_finite as every_finite
from .arrays import numbers_array as numbers_array
from .arrays import plain_array as plain_array
from .arrays import refuse_nan as refuse_nan
from .habits import ABSENT, NAMES
from .not_arrays import full_name, kind_of
from .not_models import received, where_the_model_is
from .spelling import did_you_mean


def factor(name: str, value: object) -> float:
    """Check and return a number in the half-open interval (0, 1]."""
    number = finite(name, value)
    if not 0 < number <= 1:
        raise ValueError(f"{name} must be in (0, 1], got {value!r}")
    return number


def at_least(name: str, value: object, low: float) -> float:
    """Check and return a finite number of at least `low`."""
    number = finite(name, value)
    if number < low:
        raise ValueError(f"{name} must be >= {low:g}, got {value!r}")
    return number


def one_of(name: str, value: object, allowed: Sequence[str]) -> None:
    """Check that a value is one of a few words."""
    if value not in allowed:
        hint = did_you_mean(value, allowed) if isinstance(value, str) else ""
        raise ValueError(f"{name} must be {' or '.join(map(repr, allowed))}, got {short(value)}{hint}")


def several(name: str, value: object) -> tuple[Any, ...]:
    """Return the members of a list or the like."""
    if not isinstance(value, Iterable):
        raise TypeError(f"{name} must be one or several, got {short(value)}")
    return tuple(value)


def missing_library(name: str, wanted_by: str, install: str, error: ImportError) -> ImportError:
    """Return the error that says which library is needed, for what, and how to install it."""
    return ImportError(f"{wanted_by} needs {name} ({error}): pip install '{install}'")


def text(name: str, value: object) -> None:
    """Check that a value is a string."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a name, got {short(value)}")


def words(name: str, value: object, allowed: Sequence[str]) -> tuple[str, ...]:
    """Check and return one or several of a few words."""
    several = (value,) if isinstance(value, str) else value
    if not isinstance(several, Iterable):
        raise TypeError(f"{name} must be names among {', '.join(allowed)}, got {short(value)}")
    found = tuple(several)
    for word in found:
        known_name(name, word, allowed)
    return found


def callable_name(function: object) -> str:
    """Return the name of a function for a message."""
    return str(getattr(function, "__name__", repr(function)))


def function(name: str, value: object) -> None:
    """Check that a value can be called."""
    if not callable(value):
        raise TypeError(f"{name} must be callable, got {short(value)}")


def axes(value: Any, kind: type) -> Any:
    """Check and return a single matplotlib Axes."""
    if not isinstance(value, kind):
        raise TypeError(f"ax must be a matplotlib Axes, got {full_name(type(value))}: pass one of a figure's axes")
    return value


T = TypeVar("T")


DTYPES = ("float32", "float64")


SHORT = 80
"""A message shows a repr of at most this many characters."""


def finite(name: str, value: object) -> float:
    """Check and return a finite real number, as a float."""
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
    """Check and return a finite number above 0."""
    number = finite(name, value)
    if number <= 0:
        raise ValueError(f"{name} must be > 0, got {value!r}")
    return number


def nonnegative(name: str, value: object) -> float:
    """Check and return a finite number of at least 0."""
    number = finite(name, value)
    if number < 0:
        raise ValueError(f"{name} must be >= 0, got {value!r}")
    return number


def in_range(name: str, value: object, low: float, high: float) -> float:
    """Check and return a number in the half-open interval [low, high)."""
    number = finite(name, value)
    if not low <= number < high:
        raise ValueError(f"{name} must be in [{low:g}, {high:g}), got {value!r}")
    return number


def boolean(name: str, value: object) -> bool:
    """Check and return True or False; nothing else counts as one."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {short(value)}")
    return value


def integer(name: str, value: object, low: int, high: float = math.inf) -> int:
    """Check and return an integer from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {short(value)}")
    number = int(value)
    if number < low:
        raise ValueError(f"{name} must be >= {low}, got {value!r}")
    if number > high:
        raise ValueError(f"{name} must be <= {high}, got {value!r}")
    return number


def precision(name: str, value: object) -> str:
    """Check and return the name of a precision that has kernels."""
    try:
        found = np.dtype(value).name  # type: ignore[call-overload]
    except TypeError:
        found = None
    if value is None or found not in DTYPES:
        hint = did_you_mean(value, DTYPES) if isinstance(value, str) and found is None else ""
        raise ValueError(f"{name} must be 'float32' or 'float64', got {short(value)}{hint}")
    return str(found)


def vector(name: str, value: object, n: int, dtype: str) -> NDArray[Any]:
    """Check and return an array of shape (n,) and exactly this dtype."""
    if not isinstance(value, np.ndarray):
        received = full_name(type(value))
        raise TypeError(f"{name} must be a NumPy array, got {received}: pass np.array({name}, {dtype!r})")
    if value.dtype != np.dtype(dtype):
        raise TypeError(f"{name} has dtype {value.dtype}; expected {dtype}: pass {name}.astype({dtype!r})")
    if value.shape != (n,):
        remedy = f": pass {name}.ravel()" if value.size == n else ""
        raise ValueError(f"{name} has shape {value.shape}; expected ({n},){remedy}")
    return value


def known_name(kind: str, value: object, known: Sequence[str]) -> str:
    """Check and return a known name, in any case; the error lists the known names and the nearest."""
    if isinstance(value, type):
        raise TypeError(f"{kind} must be a name or a record, got the class {value.__name__}: pass {value.__name__}(…)")
    if not isinstance(value, str):
        raise TypeError(f"{kind} must be a name or a record, got {short(value)}; names: {', '.join(known)}")
    if value in known:
        return value
    same = [name for name in known if name.lower() == value.lower()]
    if same:
        return same[0]
    raise unknown_name(kind, value, known)


def unknown_name(kind: str, value: str, known: Sequence[str]) -> ValueError:
    """Return the error for an unknown name, which lists the known ones and the nearest, or says what to do instead."""
    meant = NAMES.get(value.lower(), "")
    hint = f"; did you mean {meant!r}?" if meant in known else did_you_mean(value, known)
    hint = f"; {ABSENT[value.lower()]}" if value.lower() in ABSENT else hint
    return ValueError(f"unknown {kind} {value!r}; known: {', '.join(known)}{hint}")


def inside(name: str, value: object, low: float, high: float) -> float:
    """Check and return a number in the open interval (low, high)."""
    number = finite(name, value)
    if not low < number < high:
        raise ValueError(f"{name} must be in ({low:g}, {high:g}), got {value!r}")
    return number


def between(name: str, value: object, low: float, high: float) -> float:
    """Check and return a number in the closed interval [low, high]."""
    number = finite(name, value)
    if not low <= number <= high:
        raise ValueError(f"{name} must be in [{low:g}, {high:g}], got {value!r}")
    return number


def other_shape(name: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """Return how to get the expected shape from this one, as the end of a message; "" if it is unclear."""
    flat = min(len(shape), len(expected)) <= 1 and math.prod(shape) == math.prod(expected)
    if flat or [k for k in shape if k != 1] == [k for k in expected if k != 1]:
        return f": pass {name}.reshape{expected}"
    return f": pass {name}.T" if shape == expected[::-1] else ""


def instance(name: str, value: T | object, kind: type[T], example: str) -> T:
    """Check and return an object of a class."""
    if not isinstance(value, kind):
        required = kind.__name__ if inspect.isabstract(kind) else full_name(kind)
        remedy = where_the_model_is(value) if name == "model" else ""
        raise TypeError(f"{name} must be a {required}, such as {example}, got {received(value, short(value))}{remedy}")
    return value


def short(value: object) -> str:
    """Return a value in a few words: its repr or, if that is long, its type, with an array's shape.

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
