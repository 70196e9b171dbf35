"""Arrays aligned to cache lines; unaligned vectors cost the kernels up to a fifth of a step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 64


def aligned_zeros(n: int, dtype: str) -> NDArray[Any]:
    """Return a zero vector of shape (n,) that begins on a cache line."""
    size = np.dtype(dtype).itemsize
    memory = np.zeros(n + ALIGNMENT // size, dtype)
    return memory[-memory.ctypes.data % ALIGNMENT // size :][:n]


def aligned_rows(rows: int, n: int, dtype: str) -> NDArray[Any]:
    """Return a zero matrix whose rows begin on cache lines, shape (rows, n rounded up to whole lines)."""
    per_line = ALIGNMENT // np.dtype(dtype).itemsize
    width = -(-n // per_line) * per_line
    return aligned_zeros(rows * width, dtype).reshape(rows, width)
