"""Bounds of a minimization, and the gradient that they leave."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Limits = tuple[Vector, Vector]
"""The lowest and the highest x, each of shape (n,); infinite without a bound."""


def projected(x: Vector, grad: Vector, limits: Limits | None) -> Vector:
    """Return the gradient with 0 where x is at a bound that descent would cross.

    Unlike x - project(x - grad) it is in the function's own units, so that it can be compared with the gradient.

    Examples
    --------
    >>> low, high = np.zeros(3), np.ones(3)
    >>> projected(np.array([0.0, 1.0, 1.0]), np.array([2.0, 2.0, -2.0]), (low, high))
    array([0., 2., 0.])
    """
    if limits is None:
        return grad
    low, high = limits
    return np.where(((x <= low) & (grad > 0)) | ((x >= high) & (grad < 0)), 0.0, grad)
