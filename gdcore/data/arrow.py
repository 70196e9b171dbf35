"""`Arrow`, a source of Parquet and Arrow files; it needs pyarrow.

Design
------
- Parquet and Arrow files consist of groups of rows, of which each is decoded as a whole. By default a block is as long
  as the first group, and the last group is kept, in case the next block begins in it.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from os import PathLike
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from ..base.optional import optional
from . import source_checks
from .npy import Stamp, stamp_of
from .reading import Reading, reading
from .samples import Source

EXTRA = "gdcore[data]"
IPC = (".arrow", ".feather", ".ipc")
SMALL_KINDS = {"float", "float32", "halffloat", "float16", "int8", "int16", "uint8", "uint16", "bool"}
"""Types whose numbers float32 holds exactly; others become float64, and the model's precision after that."""


class Group(NamedTuple):
    """A group of rows of a file."""

    file: int
    place: int
    rows: int


@final
class Arrow(Source):
    """Rows of Parquet files, or of Arrow files (Feather, version 2), by their columns; needs pyarrow, `gdcore[data]`.

    Parameters
    ----------
    files : str, PathLike or list of these
        Files ".parquet", or ".arrow", ".feather" and ".ipc"; the rows of several follow one another.
    target : str or list of str, optional
        Column of the targets or labels, or several columns.
    features : list of str, optional
        Columns of X; by default all but the target's. The model keeps their names, as those of a data frame.
    window_rows, block_rows, order
        As in `Npy`. A block is by default as long as the first group of rows, which is decoded as a whole: the groups
        should have some 10,000 to 100,000 rows.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    OSError
        If a file cannot be read.
    TypeError, ValueError
        For columns that are not there or hold no numbers, files of other columns, and arguments that do not fit.
    """

    def __init__(
        self,
        files: str | PathLike[str] | Sequence[str | PathLike[str]],
        target: str | Sequence[str] | None = None,
        features: Sequence[str] | None = None,
        *,
        window_rows: int | None = None,
        block_rows: int | None = None,
        order: str = "blocks",
    ) -> None:
        optional("pyarrow", "gdcore.data.Arrow", EXTRA)
        self._paths = source_checks.paths("files", files)
        self._target = target
        self._stamps: list[Stamp] = []
        self._groups: list[Group] = []
        for i, path in enumerate(self._paths):
            self._stamps.append(_stamp(path))
            with _opened(path) as file:
                if not i:
                    kinds = {field.name: str(field.type) for field in file.schema}
                    self._names, self._targets = source_checks.chosen_columns(path, kinds, target, features)
                    self._dtype = "float32" if {kinds[name] for name in self._names} <= SMALL_KINDS else "float64"
                source_checks.has_columns(path, [field.name for field in file.schema], self._names + self._targets)
                self._groups += [Group(i, at, rows) for at, rows in enumerate(file.rows()) if rows]
        self._starts = [0, *accumulate(group.rows for group in self._groups)]
        source_checks.some_rows(self._paths[0], self.n_samples)
        planned = reading(self.n_samples, self.n_features, window_rows, block_rows, order)
        if block_rows is None:
            planned = planned._replace(block_rows=min(self._groups[0].rows, planned.window_rows))
        self._reading = planned
        self._kept: tuple[int, Any] = (-1, None)

    @property
    def n_samples(self) -> int:
        """Number of rows of all files."""
        return self._starts[-1]

    @property
    def n_features(self) -> int:
        """Number of columns of X."""
        return len(self._names)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of X."""
        return tuple(self._names)

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the files that are read."""
        return tuple(self._paths)

    @property
    def reading(self) -> Reading:
        """How many rows are read and kept at a time, and in which order."""
        return self._reading

    def read(self, first: int, end: int) -> tuple[Any, Any]:
        """Return X and y of rows first … end - 1."""
        X = np.empty((end - first, self.n_features), self._dtype)
        targets = []
        at = first
        while at < end:
            group = bisect_right(self._starts, at) - 1
            start, last = self._starts[group], min(end, self._starts[group + 1])
            table = self._table(group).slice(at - start, last - at)
            for column, name in enumerate(self._names):
                X[at - first : last - first, column] = numbers_of(table.column(name))
            targets.append([numbers_of(table.column(name)) for name in self._targets])
            at = last
        if not self._targets:
            return X, None
        columns = [np.concatenate(parts) for parts in zip(*targets, strict=True)]
        return X, columns[0] if isinstance(self._target, str) else np.stack(columns, axis=1)

    def place(self, row: int, of: str) -> tuple[str, int]:
        """Return the name of the file that holds a row, and the row's number in it."""
        group = bisect_right(self._starts, row) - 1
        file = self._groups[group].file
        before = next(start for start, each in zip(self._starts, self._groups, strict=False) if each.file == file)
        return self._paths[file], row - before

    def _table(self, group: int) -> Any:
        """Return a group of rows, decoded."""
        number, table = self._kept
        if number != group:
            self._kept, table = (-1, None), None  # before the next one is there
            file, index, _ = self._groups[group]
            path = self._paths[file]
            source_checks.unchanged(path, _stamp(path) == self._stamps[file])
            with _opened(path) as opened:
                table = opened.group(index, self._names + self._targets)
            self._kept = (group, table)
        return table

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": (-1, None)}

    def __repr__(self) -> str:
        return f"Arrow({self._paths!r}, {self._target!r}, window_rows={self._reading.window_rows})"


class _opened:
    """A file of pyarrow's, open within a `with` statement."""

    def __init__(self, path: str) -> None:
        self._is_ipc = os.path.splitext(path)[1].lower() in IPC
        lib = optional("pyarrow", "gdcore.data.Arrow", EXTRA)
        try:
            if self._is_ipc:
                self._source = lib.memory_map(path)
                self._file = optional("pyarrow.ipc", "gdcore.data.Arrow", EXTRA).open_file(self._source)
            else:
                self._source = lib.OSFile(path)
                self._file = optional("pyarrow.parquet", "gdcore.data.Arrow", EXTRA).ParquetFile(self._source)
        except (lib.ArrowInvalid, lib.ArrowTypeError) as error:
            raise source_checks.not_arrow(path, error) from None
        self.schema = self._file.schema if self._is_ipc else self._file.schema_arrow

    def __enter__(self) -> _opened:
        return self

    def __exit__(self, *failure: object) -> None:
        self._source.close()

    def rows(self) -> list[int]:
        """Return the number of rows of each group."""
        if self._is_ipc:
            return [self._file.get_batch(i).num_rows for i in range(self._file.num_record_batches)]
        metadata = self._file.metadata
        return [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]

    def group(self, index: int, names: list[str]) -> Any:
        """Decode the columns of a group."""
        if self._is_ipc:
            return self._file.get_batch(index).select(names)
        return self._file.read_row_group(index, columns=names, use_threads=False)


def _stamp(path: str) -> Stamp:
    with open(path, "rb") as file:
        return stamp_of(file)


def numbers_of(column: Any) -> NDArray[Any]:
    """Return a column as an array; a missing entry becomes NaN."""
    try:
        found: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    except TypeError:
        found = column.to_numpy()
    return found.astype(np.float64) if found.dtype.kind == "O" else found
