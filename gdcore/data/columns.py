"""Columns of pyarrow's, as arrays and as rows.

Design
------
- Columns become rows in parts that the processor's cache holds, which is ten times as fast as a whole column at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

TURN_BYTES, TURN_COLUMNS, TURN_GAP = 2**19, 64, 16
"""Columns become rows in parts of so many bytes, and at most so many columns, which are copied this far apart. Without
a gap all would begin in the same lines of the cache."""


def to_rows(columns: list[NDArray[Any]], X: NDArray[Any]) -> None:
    """Write columns (n,) as the columns of X (n, n_features)."""
    n, k = X.shape
    width = min(k, TURN_COLUMNS)
    height = max(1, min(n, TURN_BYTES // (X.itemsize * width)))
    turned = np.empty((width, height + TURN_GAP), X.dtype)
    for left in range(0, k, width):
        some = columns[left : left + width]
        for first in range(0, n, height):
            rows = slice(first, min(first + height, n))
            part = turned[: len(some), : rows.stop - first]
            for row, column in zip(part, some, strict=True):
                row[:] = column[rows]
            X[rows, left : left + width] = part.T


def numbers_of(column: Any) -> NDArray[Any]:
    """Return a column as an array; a missing entry becomes NaN."""
    try:
        found: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    except TypeError:
        found = column.to_numpy()
    return found.astype(np.float64) if found.dtype.kind == "O" else found
