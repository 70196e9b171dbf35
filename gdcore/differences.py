"""Gradients of any function by central differences, and functions that have none.

Design
------
The step balances roundoff, eps / h, against truncation, h^2: h = eps^(1/3) in units of the variable, at which half the
digits and a sixth are right. Descent needs no more; a gradient that is to be checked has `check_gradients`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import checks_fit

Vector = NDArray[np.float64]

STEP = float(np.finfo(np.float64).eps) ** (1 / 3)
JUMP = 1e-6
"""A change within `CLOSE` of where nothing has changed yet that makes a jump, in units of the function's size."""
CLOSE = 1e-12
"""How closely the first change is located, as a share of its distance, or of a step where it is nearer."""
SHRINK = 1024
"""How many times smaller the step is at which a jump is told from a slope."""
FARTHEST = 2**24
"""How far jumps are looked for, in steps: about 100 in units of the variable."""


def differences(fun: Callable[[Vector], float], x: Vector) -> Vector:
    """The gradient at x (n,) by 2 n evaluations, shape (n,).

    Examples
    --------
    >>> differences(lambda x: float(x @ x), np.array([1.0, -2.0])).round(8)
    array([ 2., -4.])
    """
    return np.array([_slope(fun, x, i, STEP * max(1.0, abs(x[i]))) for i in range(len(x))])


def _slope(fun: Callable[[Vector], float], x: Vector, i: int, h: float) -> float:
    high, low = x.copy(), x.copy()
    high[i] += h
    low[i] -= h
    return (fun(high) - fun(low)) / float(high[i] - low[i])


def check_differentiable(fun: Callable[[Vector], float], x: Vector, value: float, slopes: NDArray[Any]) -> None:
    """Refuse a function without a derivative to follow.

    Parameters
    ----------
    fun : callable
    x : ndarray, shape (n,)
    value : float
        fun(x).
    slopes : ndarray, shape (n,)
        What `differences` found there.

    Raises
    ------
    ValueError
        For a function that is random (two values at x), jumps at x, or is flat around x with a jump farther away, such
        as a number of mistakes. What is constant as far as the search goes is taken to be at its minimum.
    """
    again = fun(x)
    checks_fit.deterministic(value, again)
    if slopes.any():
        checks_fit.no_jump_here(_jumps_here(fun, x, int(np.abs(slopes).argmax()), value))
        return
    for i in range(len(x)):
        for sign in (1.0, -1.0):
            checks_fit.no_jump(_first_jump(fun, x, i, sign * STEP * max(1.0, abs(x[i])), value))


def _jumps_here(fun: Callable[[Vector], float], x: Vector, i: int, value: float) -> bool:
    """Whether what changes beside x along entry i stays as the step shrinks; of slopes and kinks it shrinks too."""

    def change(step: float) -> float:
        high, low = x.copy(), x.copy()
        high[i] += step
        low[i] -= step
        return max(abs(fun(high) - value), abs(fun(low) - value))

    h = STEP * max(1.0, abs(x[i]))
    wide, narrow = change(h), change(h / SHRINK)
    return narrow > wide / 2 and narrow > JUMP * max(1.0, abs(value))


def _first_jump(fun: Callable[[Vector], float], x: Vector, i: int, h: float, value: float) -> float | None:
    """The distance along entry i at which the function first changes, if it jumps there; a kink is no jump."""

    def change(distance: float) -> float:
        there = x.copy()
        there[i] += distance
        return abs(fun(there) - value)

    same, other = 0.0, h
    while not change(other):
        same, other = other, 2 * other
        if abs(other) > FARTHEST * abs(h):
            return None
    while abs(other - same) > CLOSE * max(abs(other), abs(h)):    # in units of h beside x itself, where none is small
        middle = (same + other) / 2
        same, other = (same, middle) if change(middle) else (middle, other)
    return abs(other) if change(other) > JUMP * max(1.0, abs(value)) else None
