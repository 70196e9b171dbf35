"""Measure how much of a function's value is roundoff."""

from __future__ import annotations

from collections.abc import Callable
from math import comb, sqrt

import numpy as np

from .evaluator import Vector

POINTS = 9
SPACING = 256.0
"""Points are this many eps of the parameters' scale apart: far enough to round differently, near enough for a straight
line."""
AGREE = 4.0
SPREAD, MAX_SPREADS = 32.0, 7


def measured_noise(values: Vector) -> float:
    """Return the standard deviation of the noise in values of a smooth function at equally spaced, very near points.

    High differences of a smooth function vanish; those of noise have the variance binom(2k, k) sigma^2. Where three
    levels in a row agree within a factor 4, and the differences change their sign, the first of the three is taken;
    where no three do, the smallest level of all.

    Parameters
    ----------
    values : ndarray, shape (m,), m >= 5

    References
    ----------
    Hamming, R. W. (1971). Introduction to Applied Numerical Analysis. McGraw-Hill.
    Moré, J. J. and Wild, S. M. (2011). Estimating computational noise. SIAM J. Sci. Comput. 33.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(size=9)
    >>> 0.3e-9 < measured_noise(np.arange(9) + 1e-9 * noise) < 3e-9
    True
    """
    levels, changes, table = [], [], values
    for k in range(1, len(values) - 2):
        table = np.diff(table)
        largest = float(np.abs(table).max())
        if largest == 0:
            return 0.0
        levels.append(largest * sqrt(float(np.mean((table / largest) ** 2)) / comb(2 * k, k)))
        changes.append(bool(table.min() < 0 < table.max()))
    for k in range(len(levels) - 2):
        three = levels[k : k + 3]
        if changes[k] and max(three) <= AGREE * min(three):
            return levels[k]
    return min(levels)


def noise_along(fun: Callable[[Vector], float], x: Vector, direction: Vector) -> float:
    """Return the noise of fun along a direction (n,) around x (n,); 0 if fun is constant or not finite.

    Where the values come in few steps the points are spread out: a coarse rounding looks constant from near.
    """
    for _ in range(MAX_SPREADS):
        values = np.array([fun(x + (j - POINTS // 2) * direction) for j in range(POINTS)])
        if not np.isfinite(values).all():
            return 0.0
        if len(np.unique(values)) > POINTS // 2:
            return measured_noise(values)
        direction = direction * SPREAD
    return measured_noise(values)
