"""SciPy's sparse matrices, checked and brought into the form that the kernels take.

Design
------
- SciPy is never imported: a matrix is recognised by the module of its class, and its own methods convert it.
- Compressed rows of the model's precision, with 32-bit columns, are taken as they stand. Another precision or the
  format CSC costs one copy. So do rows whose columns do not ascend, or come twice, which are added.
- Every array is checked before the kernels see it, since `indptr` and `indices` can be set to anything.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._kernels.sparse_rows import MAX_COLUMNS, SparseRows
from ..base import checks
from ..layers import checks as layers_checks
from ..layers.scaling import moves_zero
from ..layers.stack import Stack
from . import checks as data_checks
from . import sparse_checks


def sparse_rows(stack: Stack, X: Any, dtype: str) -> SparseRows:
    """Check a sparse matrix (n, in_features) against a stack, and return its rows.

    Raises
    ------
    TypeError, ValueError
        For another format than CSR and CSC, for anything that dense inputs are refused for, for index arrays that do
        not fit, and where a layer makes zeros into other numbers.
    """
    sparse_checks.row_format(X.format)
    data_checks.input_shape(X.shape, stack.in_features)
    sparse_checks.columns_in_range(X.shape[1], MAX_COLUMNS)
    for layer in stack.layers[: stack.layers.index(stack.trained[0])]:
        sparse_checks.keeps_zero(layer, moves_zero(layer))
    sparse_checks.takes_entries(stack.trained[0])
    rows = _canonical(_by_rows(X) if X.format == "csc" else X)
    values = _values(rows, dtype)
    if stack.lowest is not None:
        _above_lowest(rows, values, stack.lowest)
    return SparseRows(
        values, np.ascontiguousarray(rows.indices[: len(values)], np.int32), rows.indptr.astype(np.int64), X.shape[1]
    )


def _by_rows(X: Any) -> Any:
    """Check the arrays of a CSC matrix, which SciPy trusts, and return it as CSR."""
    n, k = X.shape
    sparse_checks.real_values(X.data)
    sparse_checks.starts(X.indptr, k, min(len(X.indices), len(X.data)), "columns")
    sparse_checks.numbers(X.indices[: X.indptr[-1]], n, "rows")
    return X.tocsr()


def _canonical(rows: Any) -> Any:
    """Check the index arrays of a CSR matrix; return it, or a copy whose columns ascend in each row."""
    indptr, indices = rows.indptr, rows.indices
    n, k = rows.shape
    sparse_checks.starts(indptr, n, min(len(indices), len(rows.data)))
    indices = indices[: indptr[-1]]
    sparse_checks.numbers(indices, k)
    rises = np.ones(len(indices) + 1, np.bool_)
    np.greater(indices[1:], indices[:-1], out=rises[1 : len(indices)])
    rises[indptr] = True  # a row's first entry follows nothing
    if rises.all():
        return rows
    copy = rows.copy()
    copy.has_canonical_format = False
    copy.sum_duplicates()
    return copy


def _values(rows: Any, dtype: str) -> NDArray[Any]:
    """Check and return the values of a CSR matrix in a precision."""
    given = rows.data[: rows.indptr[-1]]
    sparse_checks.real_values(given)
    with np.errstate(over="ignore"):
        values = np.require(given, dtype, ["C", "A"])
    if not checks.every_finite(values):
        bad = int(np.argmax(~np.isfinite(values)))
        raise sparse_checks.not_finite(given[bad], *_place(rows, bad), dtype)
    return values


def _above_lowest(rows: Any, values: NDArray[Any], lowest: NDArray[np.float64]) -> None:
    """Check that every entry is above its column's lowest; zeros are."""
    bad = values <= lowest[rows.indices[: len(values)]]
    if bad.any():
        first = int(np.argmax(bad))
        row, column = _place(rows, first)
        raise layers_checks.too_low(values[first], row, column, lowest[column])


def _place(rows: Any, entry: int) -> tuple[int, int]:
    """Return the row and the column of an entry."""
    return int(np.searchsorted(rows.indptr, entry, side="right")) - 1, int(rows.indices[entry])
