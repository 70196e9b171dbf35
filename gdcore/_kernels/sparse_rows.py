"""Rows of sparse inputs as the kernels take them.

Design
------
- Compressed rows (CSR) of SciPy's layout, which every caller has checked: finite values, columns that ascend within a
  row. Column numbers take 32 bits, as SciPy's usually do, so that a matrix of the model's precision is not copied.
- The class behaves like an array of rows as far as training asks for it: its length, its shape, and some of its rows.
"""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

MAX_COLUMNS = 2**31 - 1
"""Largest number of columns whose numbers fit into 32 bits."""


@final
class SparseRows:
    """Rows of a matrix that hold their nonzero entries alone.

    Parameters
    ----------
    values : ndarray of float32 or float64, shape (n_entries,)
    indices : ndarray of int32, shape (n_entries,)
        Columns, ascending within a row.
    starts : ndarray of int64, shape (n + 1,)
        Where each row's entries begin; the last one is n_entries.
    n_features : int

    Examples
    --------
    >>> rows = SparseRows(np.array([5.0, 7.0]), np.array([2, 0], np.int32), np.array([0, 1, 1, 2]), 3)
    >>> rows.shape, rows[1:].toarray()
    ((3, 3), array([[0., 0., 0.],
           [7., 0., 0.]]))
    """

    __slots__ = ("indices", "shape", "starts", "values")

    def __init__(
        self, values: NDArray[Any], indices: NDArray[np.int32], starts: NDArray[np.int64], n_features: int
    ) -> None:
        self.values, self.indices, self.starts = values, indices, starts
        self.shape = (len(starts) - 1, n_features)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of the values."""
        return self.values.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | NDArray[Any]) -> SparseRows:
        """Return the rows of a slice, which is a view if they stand together, of a mask (n,), or of indices."""
        if isinstance(rows, slice) and rows.step in (None, 1):
            first, end, _ = rows.indices(len(self))
            stretch = slice(int(self.starts[first]), int(self.starts[max(first, end)]))
            starts = self.starts[first : max(first, end) + 1] - self.starts[first]
            return SparseRows(self.values[stretch], self.indices[stretch], starts, self.shape[1])
        if isinstance(rows, slice) or rows.dtype != np.int64 or rows.min(initial=0) < 0:
            rows = np.arange(len(self))[rows]
        counts = self.starts[rows + 1] - self.starts[rows]
        starts = np.concatenate([[0], np.cumsum(counts)])
        entries = np.repeat(self.starts[rows] - starts[:-1], counts) + np.arange(starts[-1])
        return SparseRows(self.values[entries], self.indices[entries], starts, self.shape[1])

    def astype(self, dtype: str) -> SparseRows:
        """Return the same rows in another precision."""
        return SparseRows(self.values.astype(dtype), self.indices, self.starts, self.shape[1])

    def toarray(self) -> NDArray[Any]:
        """Return the dense array of these rows."""
        found = np.zeros(self.shape, self.dtype)
        found[np.repeat(np.arange(len(self)), np.diff(self.starts)), self.indices] = self.values
        return found

    def __repr__(self) -> str:
        return f"SparseRows({self.shape[0]} x {self.shape[1]}, {len(self.values)} entries, {self.dtype})"
