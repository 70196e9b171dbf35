"""`Npy`, a source of NumPy's own files.

Design
------
- Blocks are read, not mapped: a mapped file that shrinks kills the process, and its pages count as the process's own.
- A source holds nothing open and can be pickled. Where many pieces are read one after the other, the files are open
  meanwhile: to open one and close it takes some 10 us. Before and after each piece it is asked what stands at the path,
  so that another file there is seen.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from io import FileIO
from math import prod
from os import PathLike
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from . import source_checks
from .paths import NPY, opened, path_of, unreadable
from .reading import Reading, reading
from .samples import Source

Stamp = tuple[int, int, int]
HEADERS: dict[tuple[int, int], Callable[[Any], tuple[Any, ...]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@final
@dataclass(frozen=True)
class NpyFile:
    """A file of rows of numbers, as its header describes it."""

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int
    """Byte at which the numbers begin."""
    stamp: Stamp

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return self.dtype.itemsize * prod(self.shape[1:])

    def rows(self, first: int, end: int) -> NDArray[Any]:
        """Read rows first … end - 1.

        Raises
        ------
        ValueError
            If the file is not the one that was opened, or ends before them.
        """
        with opened(self.path, NPY) as file:
            return self.rows_from(file, first, end)

    def rows_from(self, file: FileIO, first: int, end: int) -> NDArray[Any]:
        """Read rows of the file, which is open."""
        return self.read_from(file, first, end, np.empty((end - first, *self.shape[1:]), self.dtype))

    def read_into(self, first: int, end: int, array: NDArray[Any]) -> NDArray[Any]:
        """Read rows first … end - 1 into an array of the file's own kind, and return it."""
        with opened(self.path, NPY) as file:
            return self.read_from(file, first, end, array)

    def read_from(self, file: FileIO, first: int, end: int, array: NDArray[Any]) -> NDArray[Any]:
        """Do so with the file that is open; what stands at its path now is looked at before and after."""
        bytes_of = memoryview(array.reshape(-1).view(np.uint8).data)
        self._is_unchanged()
        file.seek(self.start + first * self.row_bytes)
        done = 0
        while done < len(bytes_of):
            got = file.readinto(bytes_of[done:])
            if not got:
                raise source_checks.shrunk(self.path, first + done // self.row_bytes, self.shape[0])
            done += got
        self._is_unchanged()
        return array

    def _is_unchanged(self) -> None:
        try:
            now = _stamp(os.stat(self.path))
        except OSError as error:
            raise unreadable(self.path, error, NPY) from None
        source_checks.unchanged(self.path, now == self.stamp)


def open_npy(name: str, path: object) -> NpyFile:
    """Read and check the header of a .npy file; `name` is the argument that the path was passed as.

    Raises
    ------
    OSError
        If the file cannot be read.
    TypeError, ValueError
        For other files, objects, Fortran order, and a file that is truncated.
    """
    name = path_of(name, path, NPY)
    with opened(name, NPY) as file:
        try:
            version = np.lib.format.read_magic(file)
            if version not in HEADERS:
                raise ValueError(f"version {version[0]}.{version[1]}")
            shape, fortran, dtype = HEADERS[version](file)
        except ValueError as error:
            raise source_checks.npy_header(name, error) from None
        found = NpyFile(name, shape, dtype, file.tell(), stamp_of(file))
    source_checks.npy_numbers(name, dtype)
    source_checks.npy_order(name, fortran and len(shape) > 1)
    source_checks.some_rows(name, shape[0] if shape else 0)
    source_checks.npy_whole(name, found.stamp[1], found.start + shape[0] * found.row_bytes)
    return found


def stamp_of(file: Any) -> Stamp:
    """Return what tells an open file from another, or from itself before a change: inode, size, time of writing."""
    return _stamp(os.fstat(file.fileno()))


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_ino, found.st_size, found.st_mtime_ns


@final
class Npy(Source):
    """Rows of NumPy's files "X.npy" and "y.npy", which need not fit into memory.

    Parameters
    ----------
    X : str or PathLike
        File of an array (n, n_features) of real numbers, in C order.
    y : str or PathLike, optional
        File of targets or labels, (n,) or (n, k), as `fit` takes them; `predict` needs none.
    weight : str or PathLike, optional
        File of sample weights (n,), >= 0.
    window_rows : int, optional
        Rows that are shuffled together; by default all, where they take at most 32 MiB in float32, and else those of
        8 MiB. Two windows in the model's precision are in memory, and a block as it is in the file. A window has whole
        steps, and at least one.
    block_rows : int, optional
        Rows that are read together, by default a sixteenth of a window.
    order : {"blocks", "rows"}, default "blocks"
        "blocks": an epoch takes the blocks in a random order, and the rows of each window in a random order. "rows": it
        takes all rows in a random order, and the window must hold them all. `shuffle=False` of the fit keeps the
        file's order.

    Raises
    ------
    OSError
        If a file cannot be read.
    TypeError, ValueError
        For other files, files of different length, Fortran order, truncated files, and arguments that do not fit.

    Notes
    -----
    Where a window holds all rows, they are read once, and training has the same bits as from arrays. A thread reads
    the next window during training on the one before. A file that changes while it is read ends the fit.

    Examples
    --------
    >>> import tempfile, numpy as np, gdcore as gd
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     X = np.linspace(-1, 1, 1000)[:, None]
    ...     np.save(f"{folder}/X.npy", X), np.save(f"{folder}/y.npy", 3 * X + 1)
    ...     source = gd.data.Npy(f"{folder}/X.npy", f"{folder}/y.npy", window_rows=256)
    ...     net = gd.LinearModel(1, dtype="float64", seed=0)
    ...     history = net.fit(source, loss="mse", optimizer=gd.SGD(0.1), epochs=20)
    ...     net.params.round(6), net.loss(source, loss="mse") < 1e-12
    (None, None)
    (array([3., 1.]), True)
    """

    def __init__(
        self,
        X: str | PathLike[str],
        y: str | PathLike[str] | None = None,
        weight: str | PathLike[str] | None = None,
        *,
        window_rows: int | None = None,
        block_rows: int | None = None,
        order: str = "blocks",
    ) -> None:
        self._X = open_npy("X", X)
        self._y = None if y is None else open_npy("y", y)
        self._weight = None if weight is None else open_npy("weight", weight)
        source_checks.table(self._X.path, self._X.shape)
        for file in (self._y, self._weight):
            if file is not None:
                source_checks.same_rows(self._X.path, self._X.shape[0], file.path, file.shape[0])
        self._reading = reading(self.n_samples, self.n_features, window_rows, block_rows, order)

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return self._X.shape[0]

    @property
    def n_features(self) -> int:
        """Number of columns of X."""
        return self._X.shape[1]

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the files that are read."""
        return tuple(file.path for file in (self._X, self._y, self._weight) if file is not None)

    @property
    def reading(self) -> Reading:
        """How many rows are read and kept at a time, and in which order."""
        return self._reading

    def read(self, first: int, end: int) -> tuple[Any, Any]:
        """Return X and y of rows first … end - 1."""
        return self._X.rows(first, end), None if self._y is None else self._y.rows(first, end)

    def read_into(self, first: int, end: int, X: NDArray[Any]) -> tuple[Any, Any]:
        """Return what `read` does, X in the given array if that is of the file's precision."""
        if X.dtype != self._X.dtype:
            return self.read(first, end)
        return self._X.read_into(first, end, X), None if self._y is None else self._y.rows(first, end)

    def read_pieces(self, pieces: Iterable[tuple[int, int, NDArray[Any]]]) -> Generator[tuple[Any, Any], None, None]:
        """Yield what `read_into` returns for each piece; the files are opened once."""
        with ExitStack() as open_files:
            X_file = open_files.enter_context(opened(self._X.path, NPY))
            y_file = None if self._y is None else open_files.enter_context(opened(self._y.path, NPY))
            for first, end, X in pieces:
                found = X if X.dtype == self._X.dtype else np.empty(X.shape, self._X.dtype)
                self._X.read_from(X_file, first, end, found)
                yield found, None if self._y is None or y_file is None else self._y.rows_from(y_file, first, end)

    def read_targets(self, first: int, end: int) -> Any:
        """Return y of rows first … end - 1."""
        return None if self._y is None else self._y.rows(first, end)

    def read_weights(self, first: int, end: int) -> Any:
        """Return the sample weights of rows first … end - 1."""
        return None if self._weight is None else self._weight.rows(first, end)

    def place(self, row: int, of: str) -> tuple[str, int]:
        """Return the name of the file that holds a row of X, of y or of the weights, and the row's number in it."""
        return (({"y": self._y, "weight": self._weight}).get(of) or self._X).path, row

    def __repr__(self) -> str:
        files = ", ".join(repr(file.path) for file in (self._X, self._y) if file is not None)
        files += "" if self._weight is None else f", weight={self._weight.path!r}"
        return f"Npy({files}, window_rows={self._reading.window_rows}, block_rows={self._reading.block_rows})"
