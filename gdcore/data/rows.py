"""`Rows`, a source of anything that has a length and can be sliced.

Design
------
- A memory map whose file has become shorter kills the process that reads behind its end. So a map's file is looked at
  before each block; only one that is cut off during the reading of a block still does harm. `Npy` has no such risk.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any, final

import numpy as np

from ..base.checks import short
from . import source_checks
from .reading import DECODED_BYTES, Reading, reading
from .samples import Source


@final
class Rows(Source):
    """Rows of any objects with a length and slices: data sets of h5py, arrays of zarr, memory maps of NumPy.

    Parameters
    ----------
    X : object
        ``len(X)``, or ``X.shape[0]`` if it has no length, is the number of rows; ``X[first:end]`` is an array
        (end - first, n_features) or the like.
    y : object, optional
        The targets or labels, likewise.
    weight : object, optional
        The sample weights (n,), likewise.
    window_rows, block_rows, order
        As in `Npy`, but a window has 32 MiB by default. For a file in chunks, block_rows is best a multiple of a
        chunk's rows.

    Raises
    ------
    TypeError, ValueError
        For objects that cannot be sliced, objects of different length, and arguments that do not fit.

    Notes
    -----
    Where the data are larger than a window, a fit reads the next epoch's first one before callbacks see this epoch's
    end. So it has the rows as they were before a callback changes them.

    Examples
    --------
    >>> import numpy as np, gdcore as gd
    >>> source = gd.data.Rows(np.ones((1000, 3)), np.ones(1000), window_rows=100)
    >>> source.n_samples, source.n_features
    (1000, 3)
    >>> gd.LinearModel(3, weight_init="zeros").loss(source, loss="mse")
    1.0
    """

    def __init__(
        self,
        X: Any,
        y: Any = None,
        weight: Any = None,
        *,
        window_rows: int | None = None,
        block_rows: int | None = None,
        order: str = "blocks",
    ) -> None:
        self._X, self._y, self._weight, self._n = X, y, weight, source_checks.sliceable("X", X)
        source_checks.some_rows("X", self._n)
        for name, values in (("y", y), ("weight", weight)):
            if values is not None:
                source_checks.same_rows("X", self._n, name, source_checks.sliceable(name, values))
        shape = np.shape(X[0:1])
        source_checks.table("X", shape)
        self._n_features = int(shape[1])
        self._reading = reading(self._n, shape[1], window_rows, block_rows, order, DECODED_BYTES)
        self._sizes = {path: os.path.getsize(path) for path in self.files if os.path.exists(path)}

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return self._n

    @property
    def n_features(self) -> int:
        """Number of columns of X."""
        return self._n_features

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of NumPy's memory maps; of other objects they are unknown."""
        maps = (array for array in (self._X, self._y, self._weight) if isinstance(array, np.memmap))
        return tuple(os.fspath(array.filename) for array in maps if array.filename is not None)

    @property
    def reading(self) -> Reading:
        """How many rows are read and kept at a time, and in which order."""
        return self._reading

    def read(self, first: int, end: int) -> tuple[Any, Any]:
        """Return X and y of rows first … end - 1."""
        return self._sliced("X", self._X, first, end), self.read_targets(first, end)

    def read_targets(self, first: int, end: int) -> Any:
        """Return y of rows first … end - 1."""
        return self._sliced("y", self._y, first, end)

    def read_weights(self, first: int, end: int) -> Any:
        """Return the sample weights of rows first … end - 1."""
        return self._sliced("weight", self._weight, first, end)

    def place(self, row: int, of: str) -> tuple[str, int]:
        """Return the name of what holds a row, and the row's number in it."""
        return f"Rows({of})", row

    def __repr__(self) -> str:
        return f"Rows({short(self._X)}, window_rows={self._reading.window_rows})"

    def _sliced(self, name: str, values: Any, first: int, end: int) -> Any:
        """Return rows first … end - 1 of an object; None if there is none."""
        if values is None:
            return None
        for path, size in self._sizes.items():
            with suppress(FileNotFoundError):  # whose pages are there as long as the map
                source_checks.unchanged(path, os.path.getsize(path) >= size)
        found = values[first:end]
        source_checks.sliced(name, first, end, len(found))
        return found
