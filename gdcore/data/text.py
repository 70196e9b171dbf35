"""`Csv`, a source of text; it needs pyarrow.

Design
------
- Text has no place that a row could be read from before those in front of it are. So `Csv` reads it once, by pyarrow's
  streaming reader, into .npy files, which are read like all others.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from os import PathLike
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, final
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from ..base.optional import optional
from . import source_checks
from .columns import numbers_of, to_rows
from .paths import opened, path_of
from .reading import Reading
from .samples import Source
from .shards import write_shards
from .table_file import EXTRA


@final
class Csv(Source):
    """Rows of a text file with a line of column names; needs pyarrow, `gdcore[data]`.

    The file is read once, when the source is made, into .npy files that take its place.

    Parameters
    ----------
    file : str or PathLike
        Compressed (".gz", ".bz2") or not.
    target : str or list of str, optional
    features : list of str, optional
    weight : str, optional
        As in `Arrow`.
    folder : str or PathLike, optional
        A new folder for the .npy files, which `Shards` reads later on; by default one of the system's for temporary
        files, which is deleted with the source.
    window_rows, block_rows, order
        As in `Npy`.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    OSError
        If the file cannot be read, or the disk is full.
    TypeError, ValueError
        For a file that is no table, columns that are not there or hold no numbers, and arguments that do not fit.
    """

    def __init__(
        self,
        file: str | PathLike[str],
        target: str | Sequence[str] | None = None,
        features: Sequence[str] | None = None,
        *,
        weight: str | None = None,
        folder: str | PathLike[str] | None = None,
        window_rows: int | None = None,
        block_rows: int | None = None,
        order: str = "blocks",
    ) -> None:
        optional("pyarrow", "gdcore.data.Csv", EXTRA)
        self._path = path_of("file", file, "a text of columns")
        with opened(self._path, "a text of columns"):
            pass  # pyarrow says less of a file that cannot be read
        names: list[str] = []
        parts = _parts_of_text(self._path, (target, features, weight), names)
        at = mkdtemp(prefix="gdcore-") if folder is None else os.fspath(folder)
        if folder is None:
            finalize(self, rmtree, at, True)
        self._shards = write_shards(at, parts, window_rows=window_rows, block_rows=block_rows, order=order)
        self._names = tuple(names)

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return self._shards.n_samples

    @property
    def n_features(self) -> int:
        """Number of columns of X."""
        return self._shards.n_features

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of X."""
        return self._names

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the text and of the files that take its place."""
        return (self._path, *self._shards.files)

    @property
    def reading(self) -> Reading:
        """How many rows are read and kept at a time, and in which order."""
        return self._shards.reading

    def read(self, first: int, end: int) -> tuple[Any, Any]:
        """Return X and y of rows first … end - 1."""
        return self._shards.read(first, end)

    def read_into(self, first: int, end: int, X: NDArray[Any]) -> tuple[Any, Any]:
        """Return what `read` does, X in the given array if that is of the files' precision."""
        return self._shards.read_into(first, end, X)

    def read_targets(self, first: int, end: int) -> Any:
        """Return y of rows first … end - 1."""
        return self._shards.read_targets(first, end)

    def read_weights(self, first: int, end: int) -> Any:
        """Return the sample weights of rows first … end - 1."""
        return self._shards.read_weights(first, end)

    def place(self, row: int, of: str) -> tuple[str, int]:
        """Return the name of the text, and the row, counted from 0 after the line of names."""
        return self._path, row

    def __repr__(self) -> str:
        return f"Csv({self._path!r}, window_rows={self.reading.window_rows})"


def _parts_of_text(
    path: str, wanted: tuple[object, object, object], names: list[str]
) -> Iterator[tuple[NDArray[Any] | None, ...]]:
    """Yield X, y and the weights of a text, part by part, and put the names of the columns of X into `names`.

    `wanted` are target, features and weight, as the user gave them.
    """
    csv = optional("pyarrow.csv", "gdcore.data.Csv", EXTRA)
    lib = optional("pyarrow", "gdcore.data.Csv", EXTRA)
    try:
        with csv.open_csv(path, read_options=csv.ReadOptions(block_size=2**24, use_threads=False)) as reader:
            kinds = {field.name: str(field.type) for field in reader.schema}
            chosen, targets, weight = source_checks.chosen_columns(path, kinds, *wanted)
            names[:] = chosen
            for batch in reader:
                X = np.empty((batch.num_rows, len(chosen)))
                to_rows([numbers_of(batch.column(name)) for name in chosen], X)
                columns = [numbers_of(batch.column(name)) for name in targets]
                y = None if not columns else columns[0] if isinstance(wanted[0], str) else np.stack(columns, axis=1)
                yield X, y, numbers_of(batch.column(weight[0])) if weight else None
    except (lib.ArrowInvalid, lib.ArrowTypeError) as error:
        raise source_checks.not_a_table(path, error) from None
