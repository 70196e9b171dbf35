"""The sum of weights, which a weighted mean divides by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALLEST = 1e-280
LARGEST = 1e280
"""The sum of the weights lies between these, or it, or one over it, may leave float64's range for some data."""


def sum_in_range(name: str, weight: NDArray[Any]) -> None:
    """Raise ValueError for weights (n,) >= 0 whose sum is too large, or too small, to divide by."""
    with np.errstate(over="ignore"):
        total = float(weight.sum(dtype=np.float64))
    if not SMALLEST <= total <= LARGEST:
        raise ValueError(
            f"{name} makes weights that sum to {total:g}; expected a sum from {SMALLEST:g} to {LARGEST:g}: scale them"
        )
