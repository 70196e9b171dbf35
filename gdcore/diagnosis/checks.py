"""Checks of the arguments of diagnosis; each error says what to do."""

from __future__ import annotations

import numbers
from collections.abc import Iterable

from ..base.checks import positive


def rate_range(low: object, high: object) -> None:
    """Check that two learning rates are given in increasing order."""
    if positive("low", low) >= positive("high", high):
        raise ValueError(f"low must be < high, got low={low!r} and high={high!r}")


def fixed_rate(value: object) -> None:
    """Check that the range test may set this rate."""
    if not isinstance(value, numbers.Real):
        raise ValueError(f"find_learning_rate sets the rate itself, but it follows {value!r}: pass a number for it")


def no_rate_to_find(method: object) -> ValueError:
    """Return the error for a method that chooses its step lengths itself."""
    return ValueError(
        f"find_learning_rate needs an optimizer with a learning rate, got {method!r}, which chooses its steps itself: "
        "pass 'sgd', 'adam' or the like, or fit with it as it is"
    )


def column_names(value: Iterable[object], n: int) -> tuple[str, ...]:
    """Check and return a name for each of X's columns."""
    found = () if isinstance(value, str) else tuple(map(str, value))
    if len(found) != n:
        raise ValueError(f"feature_names must hold {n} names, one for each column of X, got {value!r}")
    return found


def other_rows(shape: tuple[int, ...], n: int) -> ValueError:
    """Return the error for targets of another number of rows than X."""
    return ValueError(f"y has shape {shape}, but X has {n} rows: pass a target for each row")
