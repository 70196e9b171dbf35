"""Gradients by differences that keep to bounds, and detection of functions without a gradient.

Design
------
- The step balances roundoff, eps / h, against truncation, h^2: h = eps^(1/3) in units of the variable, at which half
  the digits and a sixth are right. Descent needs no more; a gradient that is to be checked has `check_gradients`.
- eps is that of the numbers that the function returns: float32's where they are float32.
- Where a bound is nearer than h, three values on the other side make a difference of the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..optimizers.bounds import Limits
from . import checks as minimize_checks

Vector = NDArray[np.float64]

EPS = float(np.finfo(np.float64).eps)
JUMP = 1e-6
"""A change within `CLOSE` of the point where the function first changes is a jump if it exceeds this share of the
function's size."""
CLOSE = 1e-12
"""The first change is located to within this share of its distance, or of a step if it is nearer."""
SHRINK = 1024
"""To distinguish a jump from a slope, the step is made this many times smaller."""
FARTHEST = 2**24
"""Jumps are searched for up to this many steps away: about 100 in units of the variable."""
ROUNDOFF = 4
"""A difference of at most this many eps of the values is treated as roundoff."""


def differences(
    fun: Callable[[Vector], float],
    x: Vector,
    value: float | None = None,
    limits: Limits | None = None,
    eps: float = EPS,
) -> Vector:
    """Return the gradient at x (n,) by 2 n evaluations, shape (n,).

    A difference within the roundoff of the two values is 0.

    Parameters
    ----------
    fun : callable
    x : ndarray, shape (n,)
    value : float, optional
        fun(x), needed with `limits`.
    limits : (low, high), optional
        Bounds, each of shape (n,), that no evaluation leaves; x lies within them.
    eps : float, default that of float64
        The relative roundoff of fun's values.

    Examples
    --------
    >>> differences(lambda x: float(x @ x), np.array([1.0, -2.0])).round(8)
    array([ 2., -4.])
    >>> x, zero = np.array([0.0]), np.zeros(1)
    >>> differences(lambda x: float(np.exp(x[0])), x, 1.0, (zero, zero + 1)).round(8)
    array([1.])
    """
    return np.array([_slope(fun, x, i, value, limits, eps) for i in range(len(x))])


def _step(x: Vector, i: int, eps: float) -> float:
    return float(eps ** (1 / 3) * max(1.0, abs(x[i])))


def _moved(x: Vector, i: int, step: float) -> Vector:
    there = x.copy()
    there[i] += step
    return there


def _room(x: Vector, i: int, limits: Limits | None) -> tuple[float, float]:
    """Return how far entry i may move down and up."""
    return (np.inf, np.inf) if limits is None else (float(x[i] - limits[0][i]), float(limits[1][i] - x[i]))


def _slope(
    fun: Callable[[Vector], float], x: Vector, i: int, value: float | None, limits: Limits | None, eps: float
) -> float:
    h = _step(x, i, eps)
    below, above = _room(x, i, limits)
    if min(below, above) >= h:
        high, low = _moved(x, i, h), _moved(x, i, -h)
        up, down = fun(high), fun(low)
        rise, width = up - down, float(high[i] - low[i])
        # the roundoff of x adds to that of the values
        curved = 0.0 if value is None else max(abs(up - value), abs(down - value)) * abs(float(x[i])) / h
        return 0.0 if abs(rise) <= ROUNDOFF * eps * max(abs(up), abs(down), curved) else rise / width
    room = max(below, above)
    side = 1.0 if above >= below else -1.0
    near, far = (_moved(x, i, side * step) for step in (min(h, room / 2), min(2 * h, room)))
    if limits is not None:  # x + room may round to a point beyond the bound
        near, far = np.clip(near, *limits), np.clip(far, *limits)
    a, b = float(near[i] - x[i]), float(far[i] - x[i])
    if value is None or not a or a == b:
        return 0.0  # the bounds leave no room
    first, second = fun(near) - value, fun(far) - value
    if max(abs(first), abs(second)) <= ROUNDOFF * eps * abs(value):
        return 0.0
    return (b * b * first - a * a * second) / (a * b * (b - a))


def check_differentiable(
    fun: Callable[[Vector], float],
    x: Vector,
    value: float,
    slopes: NDArray[Any],
    limits: Limits | None = None,
    eps: float = EPS,
) -> None:
    """Refuse a function without a usable derivative.

    Parameters
    ----------
    fun : callable
    x : ndarray, shape (n,)
    value : float
        fun(x).
    slopes : ndarray, shape (n,)
        What `differences` found there.
    limits, eps
        As in `differences`.

    Raises
    ------
    ValueError
        For a function that is random (two values at x), jumps at x, or is flat around x with a jump farther away, such
        as a number of mistakes. What is constant as far as the search goes is taken to be at its minimum.
    """
    again = fun(x)
    minimize_checks.deterministic(value, again)
    if slopes.any():
        minimize_checks.no_jump_here(_jumps_here(fun, x, int(np.abs(slopes).argmax()), value, limits, eps))
        return
    for i in range(len(x)):
        below, above = _room(x, i, limits)
        for sign, room in ((1.0, above), (-1.0, below)):
            minimize_checks.no_jump(_first_jump(fun, x, i, sign * _step(x, i, eps), value, room))


def _jumps_here(
    fun: Callable[[Vector], float], x: Vector, i: int, value: float, limits: Limits | None, eps: float
) -> bool:
    """Return whether the change beside x along entry i persists as the step shrinks; that of slopes and kinks shrinks
    too.
    """
    below, above = _room(x, i, limits)

    def change(step: float) -> float:
        moves = [_moved(x, i, move) for move, room in ((step, above), (-step, below)) if step <= room]
        return max((abs(fun(there) - value) for there in moves), default=0.0)

    h = min(_step(x, i, eps), max(below, above))
    wide, narrow = change(h), change(h / SHRINK)
    return narrow > wide / 2 and narrow > JUMP * max(1.0, abs(value))


def _first_jump(fun: Callable[[Vector], float], x: Vector, i: int, h: float, value: float, room: float) -> float | None:
    """Return the distance along entry i at which the function first changes, if it jumps there; a kink is no jump."""

    def change(distance: float) -> float:
        return abs(fun(_moved(x, i, distance)) - value)

    same, other = 0.0, h
    while abs(other) <= room and not change(other):
        same, other = other, 2 * other
        if abs(other) > FARTHEST * abs(h):
            return None
    if abs(other) > room:
        return None
    while abs(other - same) > CLOSE * max(abs(other), abs(h)):  # in units of h beside x itself, where none is small
        middle = (same + other) / 2
        same, other = (same, middle) if change(middle) else (middle, other)
    return abs(other) if change(other) > JUMP * max(1.0, abs(value)) else None
