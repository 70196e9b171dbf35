"""`Arrow`, a source of Parquet and Arrow files; it needs pyarrow.

Design
------
- Parquet and Arrow files consist of groups of rows, of which each is decoded as a whole. By default a block is as long
  as the first group. A group of which a part is read is kept for the rest of it, and at most two are: where one window
  ends and the next begins within a group, that is decoded once.
- A file is open while pieces are read one after the other, for to open it takes a twentieth of what decoding a group
  takes. What its end says of all groups is read once.
- While the rows of one piece are made and checked, a thread decodes the next one, its columns by pyarrow's threads
  (`pyarrow.set_cpu_count`). So a model that trains faster than pyarrow decodes keeps its pace.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import accumulate
from os import PathLike
from threading import Event
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from ..base.optional import optional
from . import source_checks
from .ahead import ahead
from .columns import numbers_of, to_rows
from .npy import Stamp, stamp_of
from .paths import opened
from .reading import DECODED_BYTES, Reading, reading
from .samples import Source
from .table_file import EXTRA, FILES, LastFile, TableFile

KEPT = 2
"""So many decoded groups are kept: those that a window shares with the one before and the one after."""
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
        Columns of X; by default all but the target's and the weights'. The model keeps their names, as those of a data
        frame.
    weight : str, optional
        Column of the sample weights, >= 0.
    window_rows, block_rows, order
        As in `Npy`, but a window has 32 MiB by default. A block is by default as long as the first group of rows, which
        is decoded as a whole: the groups should have some 10,000 to 100,000 rows. Up to five groups are in memory
        besides the windows.

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
        weight: str | None = None,
        window_rows: int | None = None,
        block_rows: int | None = None,
        order: str = "blocks",
    ) -> None:
        optional("pyarrow", "gdcore.data.Arrow", EXTRA)
        self._paths = source_checks.paths("files", files, FILES)
        self._target = target
        self._stamps: list[Stamp] = []
        self._ends: list[Any] = []
        self._groups: list[Group] = []
        for i, path in enumerate(self._paths):
            self._stamps.append(_stamp(path))
            with TableFile(path) as file:
                self._ends.append(file.end)
                if not i:
                    kinds = {field.name: str(field.type) for field in file.schema}
                    self._names, self._targets, self._weight = source_checks.chosen_columns(
                        path, kinds, target, features, weight
                    )
                    self._all = self._names + self._targets + self._weight
                    self._dtype = "float32" if {kinds[name] for name in self._names} <= SMALL_KINDS else "float64"
                source_checks.has_columns(path, [field.name for field in file.schema], self._all)
                self._groups += [Group(i, at, rows) for at, rows in enumerate(file.rows()) if rows]
        self._starts = [0, *accumulate(group.rows for group in self._groups)]
        source_checks.some_rows(self._paths[0], self.n_samples)
        planned = reading(self.n_samples, self.n_features, window_rows, block_rows, order, DECODED_BYTES)
        if block_rows is None:
            planned = planned._replace(block_rows=min(self._groups[0].rows, planned.window_rows))
        self._reading = planned
        self._kept: dict[int, tuple[Any, int]] = {}  # group -> table, and how many of its rows are left to read

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
        return self.read_into(first, end, np.empty((end - first, self.n_features), self._dtype))

    def read_into(self, first: int, end: int, X: NDArray[Any]) -> tuple[Any, Any]:
        """Return what `read` does, X in the given array if its precision holds the numbers."""
        return self._rows(list(self._tables(first, end, self._all)), X)

    def read_pieces(self, pieces: Iterable[tuple[int, int, NDArray[Any]]]) -> Generator[tuple[Any, Any], None, None]:
        """Yield what `read_into` returns for each piece; the next one is decoded meanwhile."""

        def decoded(first: int, end: int, X: NDArray[Any], stop: Event) -> tuple[list[Any], NDArray[Any]]:
            return list(self._tables(first, end, self._all, last)), X

        with LastFile() as last, closing(ahead(partial(decoded, *piece) for piece in pieces)) as found:
            for tables, X in found:
                yield self._rows(tables, X)

    def _rows(self, tables: list[Any], X: NDArray[Any]) -> tuple[Any, Any]:
        """Return X and y of these tables, one behind the other; X in the given array if its precision holds them."""
        at, fits = 0, True
        targets: list[list[NDArray[Any]]] = []
        for table in tables:
            columns = [numbers_of(table.column(name)) for name in self._names]
            fits &= to_rows(columns, X[at : at + table.num_rows])
            targets.append([numbers_of(table.column(name)) for name in self._targets])
            at += table.num_rows
        if not fits:  # the check of X finds the number, in the columns' own precision
            return self._rows(tables, np.empty(X.shape, self._dtype))
        return X, self._joined(targets)

    def read_targets(self, first: int, end: int) -> Any:
        """Return y of rows first … end - 1."""
        tables = self._tables(first, end, self._targets) if self._targets else ()
        return self._joined([[numbers_of(table.column(name)) for name in self._targets] for table in tables])

    def read_weights(self, first: int, end: int) -> Any:
        """Return the sample weights of rows first … end - 1."""
        if not self._weight:
            return None
        return np.concatenate([numbers_of(table.column(0)) for table in self._tables(first, end, self._weight)])

    def _joined(self, targets: list[list[NDArray[Any]]]) -> Any:
        """Return the columns of y, from several parts of the rows, as y."""
        if not self._targets:
            return None
        columns = [np.concatenate(parts) for parts in zip(*targets, strict=True)]
        return columns[0] if isinstance(self._target, str) else np.stack(columns, axis=1)

    def place(self, row: int, of: str) -> tuple[str, int]:
        """Return the name of the file that holds a row, and the row's number in it."""
        group = bisect_right(self._starts, row) - 1
        file = self._groups[group].file
        before = next(start for start, each in zip(self._starts, self._groups, strict=False) if each.file == file)
        return self._paths[file], row - before

    def _tables(self, first: int, end: int, names: list[str], last: LastFile | None = None) -> Iterator[Any]:
        """Yield columns of rows first … end - 1, group by group; the file that is read may be the last one."""
        with LastFile() as own:
            while first < end:
                group = bisect_right(self._starts, first) - 1
                start, stop = self._starts[group], min(end, self._starts[group + 1])
                table = self._table(group, names, stop - first, last or own)
                yield table.slice(first - start, stop - first)
                first = stop

    def _table(self, group: int, names: list[str], rows: int, last: LastFile) -> Any:
        """Return columns of a group, decoded, of which so many rows are read; one with all columns may be kept.

        Only one thread at a time reads all columns; another one may read some of them meanwhile.
        """
        file, index, left = self._groups[group]
        whole = names == self._all
        if not whole and (kept := self._kept.get(group)) is not None:
            return kept[0].select(names)
        if whole and group in self._kept:
            table, left = self._kept.pop(group)
            if left > rows:
                self._kept[group] = table, left - rows
            return table
        keeps = whole and rows < left
        if keeps and len(self._kept) == KEPT:
            self._kept.pop(next(iter(self._kept)))  # before the next one is there
        path = self._paths[file]
        source_checks.unchanged(path, _stamp(path) == self._stamps[file])
        try:
            table = last.at(path, self._ends[file]).group(index, names)
        finally:  # also where pyarrow fails, as it may if the file is written meanwhile
            source_checks.unchanged(path, _stamp(path) == self._stamps[file])
        if keeps:
            self._kept[group] = table, left - rows
        return table

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": {}, "_ends": [None] * len(self._ends)}

    def __repr__(self) -> str:
        return f"Arrow({self._paths!r}, {self._target!r}, window_rows={self._reading.window_rows})"


def _stamp(path: str) -> Stamp:
    with opened(path, FILES) as file:
        return stamp_of(file)
