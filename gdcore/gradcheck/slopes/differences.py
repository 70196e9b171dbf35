"""Slopes of an evaluator along single parameters and along directions, compared with a gradient."""

from __future__ import annotations

import numpy as np

from .evaluator import Differences, Evaluator, Indices, Vector
from .search import Found, Lines, look_again, search

MIN_SCALE = 2.0**-100
"""An entry's scale is at least this share of a typical entry's size."""
MUCH_SMALLER = 2.0**-6
"""An entry below this share of a typical one has its own scale: a step of float32 is then no longer than twice such an
entry."""


def typical_size(x: Vector) -> float:
    """Return the root mean square of x (n,)."""
    top = float(np.abs(x).max(initial=0.0))
    return top * float(np.sqrt(np.mean((x / top) ** 2))) if top > 0 else 0.0


def spans(x: Vector) -> Vector:
    """Return a length for each entry of x (n,): its size, or that of a typical entry if larger; 1 if all are 0."""
    return np.maximum(np.abs(x), typical_size(x) or 1.0)


def scales(x: Vector, eps: float) -> Vector:
    """Return a length for each entry of x (n,): its size, whatever the others are.

    An entry that is 0 has none: it is taken as 1, or as a typical entry where this is smaller. In float32, which has no
    roundoff to spare for shorter steps, one that is not much smaller than a typical entry is taken as one.
    """
    span = spans(x)
    if eps > np.finfo(np.float64).eps:
        x = np.where(np.abs(x) >= MUCH_SMALLER * span, span, x)
    return np.where(x == 0, np.minimum(span, 1.0), np.maximum(np.abs(x), MIN_SCALE * span))


def entry_lines(evaluator: Evaluator, indices: Indices) -> Lines:
    """Return lines along single parameters, rounded to the numbers that x is made of."""
    x, single = evaluator.x, evaluator.eps > np.finfo(np.float64).eps

    def lines(rows: Indices, offsets: Vector) -> tuple[Vector, Differences]:
        at = indices[rows]
        points = x[at] + offsets
        if single:
            points = points.astype(np.float32).astype(np.float64)
        return points - x[at], evaluator.at(at, points)

    return lines


def direction_lines(evaluator: Evaluator, directions: Vector) -> Lines:
    """Return lines along directions (k, n)."""

    def lines(rows: Indices, offsets: Vector) -> tuple[Vector, Differences]:
        k = len(rows)
        found = Differences(np.empty(k), np.empty(k), np.empty(k, np.uint64))
        for row in np.unique(rows):
            mine = rows == row
            for whole, part in zip(found, evaluator.along(directions[row], offsets[mine]), strict=True):
                whole[mine] = part
        return offsets, found

    return lines


def entry_slopes(evaluator: Evaluator, indices: Indices, analytic: Vector, extra: Vector) -> Found:
    """Return slopes along single parameters.

    Parameters
    ----------
    evaluator : Evaluator
    indices : ndarray of int64, shape (k,)
    analytic, extra : ndarray, shape (k,)
        What a gradient says of these entries, and what it may be off by its own roundoff. Where differences disagree
        with it, they are taken again.

    Returns
    -------
    Found
        In the order of `indices`.

    Examples
    --------
    >>> import numpy as np
    >>> from gdcore.gradcheck.slopes.function import FunctionEvaluator
    >>> x = np.array([1.0, -2.0])
    >>> found, _ = entry_slopes(FunctionEvaluator(lambda x: float(x @ x), x), np.arange(2), 2 * x, np.zeros(2))
    >>> bool((abs(found.numeric - 2 * x) <= found.bound).all())
    True
    """
    lines, x = entry_lines(evaluator, indices), evaluator.x
    scale, span = scales(x, evaluator.eps)[indices], spans(x)[indices]
    found = search(lines, scale, span, evaluator.pattern, evaluator.eps)
    return look_again(lines, found, analytic, extra, scale, evaluator.pattern, evaluator.eps)


def pulls(evaluator: Evaluator, direction: Vector) -> tuple[Vector, Vector]:
    """Return how much of each parameter's scale and of its span a direction (n,) moves it by, (n,) each."""
    x, sizes = evaluator.x, np.abs(direction)
    return sizes / scales(x, evaluator.eps), sizes / spans(x)


def reach(pull: Vector) -> Vector:
    """Return how far a direction goes, shape (1,), until it has moved the parameter that it pulls most (k,) by its
    length.
    """
    far: Vector = 1 / np.maximum(pull.max(keepdims=True), np.finfo(np.float64).tiny)
    return far


def direction_slopes(evaluator: Evaluator, directions: Vector, analytic: Vector, extra: Vector) -> Found:
    """Return slopes along directions (k, n), like `entry_slopes`."""
    pulled = [[reach(pull) for pull in pulls(evaluator, direction)] for direction in directions]
    lines, (scale, span) = direction_lines(evaluator, directions), np.array(pulled)[:, :, 0].T
    found = search(lines, scale, span, evaluator.pattern, evaluator.eps)
    return look_again(lines, found, analytic, extra, scale, evaluator.pattern, evaluator.eps)


def slope_along(evaluator: Evaluator, direction: Vector, scale: Vector, span: Vector) -> tuple[float, int]:
    """Return the slope along one direction (n,) with scale and span (1,) from `reach`, and the
    number of evaluations.
    """
    found = search(direction_lines(evaluator, direction[None, :]), scale, span, evaluator.pattern, evaluator.eps)
    return float(found.slopes.numeric[0]), found.evaluations
