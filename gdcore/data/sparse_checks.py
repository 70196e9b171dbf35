"""Checks of sparse matrices; each error says what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.not_arrays import is_sparse
from ..layers.dense import Dense

REBUILD = "build it anew, for example from its entries by scipy.sparse.coo_array"


def dense_only(X: object) -> None:
    """Check that inputs are not sparse, for a call that needs dense ones."""
    if is_sparse(X):
        raise TypeError(
            "X is a sparse matrix, which is taken by training, loss and predictions alone; "
            "pass X.toarray(), for example of some of its rows"
        )


def row_format(name: str) -> None:
    """Check that a sparse matrix is stored by rows or columns."""
    if name not in ("csr", "csc"):
        raise TypeError(f"X is a sparse matrix in the format {name!r}; expected 'csr' or 'csc': pass X.tocsr()")


def columns_in_range(n: int, most: int) -> None:
    """Check that the numbers of all columns fit into 32 bits."""
    if n > most:
        raise ValueError(f"X has {n} columns; a sparse matrix may have {most} at most: hash them to fewer columns")


def keeps_zero(layer: object, moves: bool) -> None:
    """Check that a layer before the first dense one makes 0 into 0."""
    if moves:
        raise ValueError(
            f"{type(layer).__name__} makes zeros into other numbers, so X may not be sparse: scale without a shift, as "
            "scikit-learn's StandardScaler(with_mean=False) does, or pass X.toarray()"
        )


def takes_entries(layer: object) -> None:
    """Check that the first layer with parameters takes sparse inputs."""
    if not isinstance(layer, Dense):
        raise ValueError(
            f"{type(layer).__name__} comes first and needs whole rows, so X may not be sparse: put a Dense layer "
            "before it, or pass X.toarray()"
        )


def starts(indptr: NDArray[Any], n: int, count: int, of: str = "rows") -> None:
    """Check where the rows or columns of a matrix with n of them begin, with `count` entries at most."""
    fits = _are_integers(indptr) and indptr.shape == (n + 1,) and indptr[0] == 0 and indptr[-1] <= count
    if not fits or (indptr[1:] < indptr[:-1]).any():
        raise ValueError(
            f"X.indptr must have {n + 1} integers that rise from 0 to {count} at most, one more than X has {of}; "
            f"the matrix is damaged: {REBUILD}"
        )


def numbers(indices: NDArray[Any], n: int, of: str = "columns") -> None:
    """Check the column numbers, or row numbers, of all entries."""
    if not _are_integers(indices):
        raise TypeError(f"X.indices must be integers (n,), got {indices.dtype} {indices.shape}: {REBUILD}")
    if len(indices) and (indices.min() < 0 or indices.max() >= n):
        bad = int(indices[np.argmax((indices < 0) | (indices >= n))])
        raise ValueError(f"X.indices has {bad}; expected {of} 0 … {n - 1}; the matrix is damaged: {REBUILD}")


def _are_integers(array: NDArray[Any]) -> bool:
    return array.dtype.kind in "iu" and array.ndim == 1


def real_values(values: NDArray[Any]) -> None:
    """Check that entries are real numbers."""
    if values.ndim != 1:
        raise ValueError(f"X.data has shape {values.shape}; expected one number per entry: {REBUILD}")
    if values.dtype.kind not in "biuf":
        remedy = "pass X.real, if that is meant" if values.dtype.kind == "c" else "pass X.astype(float)"
        raise TypeError(f"X has dtype {values.dtype}; expected real numbers: {remedy}")


def not_finite(value: Any, row: int, column: int, dtype: str) -> ValueError:
    """Return the error for an entry that is NaN or infinite, or becomes so in this precision."""
    if np.isnan(value):
        return ValueError(f"X contains NaN in row {row}, column {column}; remove or impute it")
    if np.isinf(value):
        return ValueError(f"X contains infinity in row {row}, column {column}; remove or clip it")
    return ValueError(
        f"X has a number in row {row}, column {column} too large for {dtype}, {value:g}: scale it or use "
        "dtype='float64'"
    )
