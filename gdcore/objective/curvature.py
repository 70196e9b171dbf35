"""Products of second derivatives with a vector from differences of the gradient.

Design
------
- The kernels compute exact products for their own losses; this file serves losses written in Python. A product is a
  difference of two gradients, taken in float64 whatever the model's precision. For a quadratic loss it is exact up to
  roundoff.
- Two differences, at h and h/2, give one Richardson step, and their disagreement shows whether h was good. A kink
  between the points (relu at 0) or a strongly curved gradient makes them disagree; then h shrinks. The last good step
  is the next product's first try.
- The best pair seen is used, so that a product is as good as roundoff allows even if no step is good enough.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

FIRST_STEP = 0.0625
SHRINK = 8.0
MAX_SHRINKS = 7
GOOD_ENOUGH = 1e-5
"""Differences are accepted if two of them disagree by at most this; the Richardson step then leaves
about its square."""


@final
class Curvature:
    """The Hessian of a function at one point, available as products with vectors.

    Parameters
    ----------
    gradient : callable
        From a point (n,) to the gradient there, an array (n,) of its own.
    x : ndarray, shape (n,)
        The point.

    Examples
    --------
    >>> A = np.diag([3.0, 1.0])
    >>> Curvature(lambda x: A @ x, np.ones(2)).product(np.array([1.0, 2.0])).round(12)
    array([3., 2.])
    """

    def __init__(self, gradient: Callable[[Vector], Vector], x: Vector) -> None:
        self.gradient = gradient
        self.x = x
        self.step = FIRST_STEP
        self.largest = 0.0

    def product(self, v: Vector) -> Vector:
        """Return H v, shape (n,)."""
        size = float(np.linalg.norm(v))
        if size == 0:
            return np.zeros_like(v)
        direction = v / size
        step, least = self.step, np.inf
        best = np.zeros_like(v)
        for _ in range(MAX_SHRINKS):
            coarse, fine = self._difference(direction, step), self._difference(direction, step / 2)
            error = float(np.linalg.norm(fine - coarse))
            scale = max(self.largest, float(np.linalg.norm(fine)))
            if error < least:
                best, least, self.step = fine + (fine - coarse) / 3, error, step
            if error <= GOOD_ENOUGH * scale:
                break
            step /= SHRINK
        self.largest = max(self.largest, float(np.linalg.norm(best)))
        return best * size

    def _difference(self, direction: Vector, step: float) -> Vector:
        high, low = self.x + step * direction, self.x - step * direction
        return (self.gradient(high) - self.gradient(low)) / (2 * step)
