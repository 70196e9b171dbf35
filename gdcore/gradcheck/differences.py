"""Slopes of an evaluator along single parameters and along directions, beside what a gradient says of them."""

from __future__ import annotations

import numpy as np

from .evaluator import Differences, Evaluator, Indices, Vector
from .search import Found, Lines, look_again, search


def scales(x: Vector) -> Vector:
    """A length for each entry of x (n,): its size, or that of a typical entry where this is larger; 1 if all are 0."""
    top = float(np.abs(x).max(initial=0.0))
    if top == 0:
        return np.ones_like(x)
    typical = top * float(np.sqrt(np.mean((x / top) ** 2)))
    return np.maximum(np.abs(x), typical)


def entry_lines(evaluator: Evaluator, indices: Indices) -> Lines:
    """Lines along single parameters, rounded to the numbers that x is made of."""
    x, single = evaluator.x, evaluator.eps > np.finfo(np.float64).eps

    def lines(rows: Indices, offsets: Vector) -> tuple[Vector, Differences]:
        at = indices[rows]
        points = x[at] + offsets
        if single:
            points = points.astype(np.float32).astype(np.float64)
        return points - x[at], evaluator.at(at, points)

    return lines


def direction_lines(evaluator: Evaluator, directions: Vector) -> Lines:
    """Lines along directions (k, n)."""

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
    """Slopes along single parameters.

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
    >>> from gdcore.gradcheck.function import FunctionEvaluator
    >>> x = np.array([1.0, -2.0])
    >>> found, _ = entry_slopes(FunctionEvaluator(lambda x: float(x @ x), x), np.arange(2), 2 * x, np.zeros(2))
    >>> bool((abs(found.numeric - 2 * x) <= found.bound).all())
    True
    """
    lines, scale = entry_lines(evaluator, indices), scales(evaluator.x)[indices]
    found = search(lines, scale, evaluator.pattern, evaluator.eps)
    return look_again(lines, found, analytic, extra, scale, evaluator.pattern, evaluator.eps)


def direction_scales(evaluator: Evaluator, directions: Vector) -> Vector:
    """A length for each of the directions (k, n), to suit the parameter that it moves most."""
    moved: Vector = np.abs(directions / scales(evaluator.x)).max(axis=1)
    return 1 / np.maximum(moved, np.finfo(np.float64).tiny)


def direction_slopes(evaluator: Evaluator, directions: Vector, analytic: Vector, extra: Vector) -> Found:
    """The same as `entry_slopes` along directions (k, n)."""
    lines, scale = direction_lines(evaluator, directions), direction_scales(evaluator, directions)
    found = search(lines, scale, evaluator.pattern, evaluator.eps)
    return look_again(lines, found, analytic, extra, scale, evaluator.pattern, evaluator.eps)


def slope_along(evaluator: Evaluator, direction: Vector, scale: float) -> tuple[float, int]:
    """The slope along one direction (n,), whose scale is a length as of `direction_scales`, and what it took."""
    lines = direction_lines(evaluator, direction[None, :])
    found = search(lines, np.array([scale]), evaluator.pattern, evaluator.eps)
    return float(found.slopes.numeric[0]), found.evaluations
