"""Interface between the checker and a function: differences from its value at one point.

Design
------
- The algorithm (differences.py, directions.py) is written once, over this protocol. FunctionEvaluator
  (function.py) calls any function; models have a compiled one.
- Differences rather than values: an evaluator that knows the function's parts subtracts part by part, so that what a
  point leaves as it was cancels without roundoff.
- Each difference comes with its own roundoff. Only the evaluator can tell how large its terms were.
- A pattern is a hash of the signs (-1, 0, 1) of every quantity whose sign decides a formula: relu's input, huber's
  |d| - delta, a weight under an L1 penalty. Equal patterns at two points: no kink lies between them. A point ON a kink
  has a pattern of its own, for its sign is 0. An evaluator that knows of no kinks answers 0 everywhere, and kinks are
  looked for in the differences.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Indices = NDArray[np.int64]
Patterns = NDArray[np.uint64]


class Differences(NamedTuple):
    """f at k points minus f at x, each of shape (k,).

    Attributes
    ----------
    values : ndarray, float64
        NaN or infinite where f is.
    noise : ndarray, float64
        A bound of the roundoff in `values`, absolute, not negative, in the unit of f; infinite where terms overflow. It
        is 0 only where the point cannot matter: a change that is lost in rounding has a value of 0, and a noise.
    patterns : ndarray, uint64
    """

    values: Vector
    noise: Vector
    patterns: Patterns


class Evaluator(Protocol):
    """A function f of n numbers, around one point x.

    Attributes
    ----------
    x : ndarray, shape (n,), float64
        The point. It is never written to.
    value : float
        f(x), finite.
    pattern : int
        The pattern at x, an unsigned integer of 64 bits; 0 at every point where kinks are not known.
    eps : float
        Relative distance of neighbouring numbers that x is made of: of float32 where f computes in it. The points that
        `at` is called with are rounded to it.
    """

    @property
    def x(self) -> Vector: ...

    @property
    def value(self) -> float: ...

    @property
    def pattern(self) -> int: ...

    @property
    def eps(self) -> float: ...

    def at(self, indices: Indices, points: Vector) -> Differences:
        """Return the differences of f where only x[indices[j]] is replaced by points[j], for j = 0 … k-1 and k >= 1. An
        index may occur several times.
        """
        ...

    def along(self, direction: Vector, steps: Vector) -> Differences:
        """Return f(x + steps[j] * direction) - f(x), for a direction of shape (n,)."""
        ...
