"""A table: named columns of numbers or texts, as they stand in a file.

Design
------
- A cell without a value is NaN in a column of numbers and None in one of texts. What a column means is decided later,
  by a preparation (preparation.py).
- Messages name the line of the file that a row came from, so rows keep it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ..base.checks import short
from ..base.spelling import did_you_mean
from ..data.names import feature_names
from .errors import TableError, counted, shown

MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "nat", "null", "none", "<na>", "?"})
"""What stands for a missing value, in lower case."""
WHOLE = re.compile(r"\+?\d+", re.ASCII)
CODE = re.compile(r"0\d+|\+\d+", re.ASCII)
"""A text that numbers would not keep: a postal code such as 01067, or a telephone number."""

NO_FILE = "table"
"""What messages call a table that is no file."""
Texts = list[str | None]
Cells = NDArray[np.float64] | Texts
"""Numbers, NaN where missing; or texts, None where missing."""


@final
@dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length by name.

    Parameters
    ----------
    columns : mapping of str to ndarray of float64, or list of str or None
        Use `from_columns` for other values.
    source : str, default "table"
        What messages call it: usually the file.
    lines : ndarray of int64, shape (n,), optional
        The line of the file that each row stands in.
    notes : tuple of str, default ()
        What was unusual, as sentences.

    Examples
    --------
    >>> import gdcore.tables
    >>> table = gdcore.tables.Table.from_columns({"age": [31, None], "city": ["Ulm", "Bonn"]})
    >>> len(table), table.names
    (2, ('age', 'city'))
    """

    columns: Mapping[str, Cells]
    source: str = NO_FILE
    lines: NDArray[np.int64] | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def from_columns(cls, columns: Mapping[str, Iterable[Any]], source: str = NO_FILE) -> Table:
        """Return a table of any columns of numbers, texts and None.

        Parameters
        ----------
        columns : mapping of str to iterable, or data frame
        source : str, default "table"

        Raises
        ------
        TableError
            For columns of different lengths.
        """
        found: dict[str, Cells] = {str(name): cells_of(columns[name]) for name in columns}
        if not found:
            raise TableError(f"{source} has no columns")
        first = next(iter(found))
        for name, cells in found.items():
            if len(cells) != len(found[first]):
                raise TableError(
                    f"column {name!r} has {counted(len(cells), 'entry', 'entries')}, but {first!r} has "
                    f"{len(found[first])}: give every column as many"
                )
        return cls(found, source)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in their order."""
        return tuple(self.columns)

    def column(self, name: str) -> Cells:
        """Return a column.

        Raises
        ------
        TableError
            Where there is none of that name; it lists those that there are.
        """
        if name not in self.columns:
            raise TableError(
                f"{self.source} has no column {name!r}; it has {shown(self.names, 8)}{did_you_mean(name, self.names)}"
            )
        return self.columns[name]

    def rows(self, which: NDArray[np.int64]) -> Table:
        """Return some rows, by their numbers."""
        taken: dict[str, Cells] = {
            name: cells[which] if isinstance(cells, np.ndarray) else [cells[i] for i in which.tolist()]
            for name, cells in self.columns.items()
        }
        return Table(taken, self.source, None if self.lines is None else self.lines[which], self.notes)

    def place(self, row: int) -> str:
        """Return where a row stands: its line in the file, or its number from 0."""
        return f"row {row}" if self.lines is None else f"line {self.lines[row]}"

    def at(self, row: int, name: str) -> str:
        """Return where a cell stands, as messages begin with it."""
        return f"{self.source}, {self.place(row)}, column {name!r}"

    def missing(self, name: str) -> NDArray[np.bool_]:
        """Return which cells of a column have no value, shape (n,)."""
        cells = self.column(name)
        if isinstance(cells, np.ndarray):
            return np.isnan(cells)
        return np.fromiter((cell is None for cell in cells), np.bool_, len(cells))

    def __repr__(self) -> str:
        return f"Table({self.source!r}: {counted(len(self), 'row')}, {counted(len(self.columns), 'column')})"


def table_of(value: object, name: str = "table") -> Table:
    """Return a table as it is, and a data frame or a mapping of columns as a table.

    Raises
    ------
    TypeError
        For anything else.
    """
    if isinstance(value, Table):
        return value
    if isinstance(value, str | PathLike):
        raise TypeError(f"{name} is a file's name, {str(value)!r}: pass gdcore.tables.read_table({str(value)!r})")
    if isinstance(value, Mapping) or (not isinstance(value, np.ndarray) and feature_names(value) is not None):
        return Table.from_columns(value)  # type: ignore[arg-type]
    raise TypeError(f"{name} must be a Table or a data frame, got {short(value)}: its columns need names")


def cells_of(values: Iterable[Any]) -> Cells:
    """Return the cells of any sequence: numbers where every entry is one, else texts.

    Examples
    --------
    >>> cells_of(["1", " 2.5", "NA"]), cells_of([True, None]), cells_of(["a", ""])
    (array([1. , 2.5, nan]), array([ 1., nan]), ['a', None])
    """
    array = np.asarray(values) if isinstance(values, np.ndarray) else None
    if array is not None and array.dtype.kind in "fiub":
        return array.astype(np.float64)
    found = list(values)
    if all(value is None or isinstance(value, int | float | np.number | np.bool_) for value in found):
        return np.array([np.nan if value is None else float(value) for value in found])
    return of_texts([None if value is None else str(value) for value in found])  # NaN and pandas' NA have names


def of_texts(texts: Sequence[str | None]) -> Cells:
    """Return texts as numbers, if all that have a value are numbers; otherwise, and for codes, without outer blanks."""
    plain = [None if text is None or text.strip().lower() in MISSING else text.strip() for text in texts]
    if code_in(plain):
        return plain
    try:
        return np.array([np.nan if text is None else number(text) for text in plain])
    except ValueError:
        return plain


def code_in(texts: Iterable[str | None]) -> str:
    """Return the first text with a leading 0 or + where all are digits: such a column holds codes. Else return "".

    Examples
    --------
    >>> code_in(["10115", "01067", None]), code_in(["-1", "+1"]), code_in(["0", "1"])
    ('01067', '', '')
    """
    found = ""
    for text in texts:
        if text is not None:
            if not WHOLE.fullmatch(text):
                return ""
            found = found or (text if CODE.fullmatch(text) else "")
    return found


def number(text: str) -> float:
    """Return a number as files write it.

    Raises
    ------
    ValueError
        For anything else, 1_000 among it, which Python would take.
    """
    if "_" in text:
        raise ValueError(f"{short(text)} is not a number")
    return float(text)
