"""Columns of pyarrow's, as arrays and as rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._kernels import load

TURNED = "fdbBhHiIlq"
"""NumPy's letters of the types that kernels turn; others are converted before."""


def to_rows(columns: list[NDArray[Any]], X: NDArray[Any]) -> bool:
    """Write columns (n,) as the columns of X (n, n_features), float32 or float64 and contiguous.

    Returns
    -------
    bool
        Whether no finite number has become infinite.
    """
    return load(X.dtype.name).turned_columns([_turned(column, X.dtype) for column in columns], X)


def _turned(column: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return a column as kernels take it."""
    known = column.dtype.char in TURNED and column.dtype.isnative and column.flags.aligned
    return column if known else column.astype(dtype)


def numbers_of(column: Any) -> NDArray[Any]:
    """Return a column as an array; a missing entry becomes NaN."""
    try:
        found: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    except TypeError:
        found = column.to_numpy()
    return found.astype(np.float64) if found.dtype.kind == "O" else found
