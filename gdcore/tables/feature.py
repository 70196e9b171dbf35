"""A feature: what a column means, and the numbers that a network receives of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import final

import numpy as np
from numpy.typing import NDArray

from .errors import TableError, counted, shown
from .numbers import figure
from .table import Cells, Table, number

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_SECONDS = 86400.0
MOST_DAYS = 700_000
"""So many days before and after 1970 are dates for Python, whose first year is 1."""
CORRECT = "correct it, or leave it empty where missing values are filled (train --impute)"
LARGEST = 1e30
"""A larger number, or the inverse of one, is near the ends of what float32 holds."""


@final
@dataclass(frozen=True)
class Feature:
    """One column that a network is given.

    Attributes
    ----------
    name : str
        The column.
    kind : {"number", "date", "category"}
        A date becomes its days since 1970; a category of k levels becomes k columns of 0 and 1.
    levels : tuple of str
        Those of a category, in their order.
    fill : float, str or None
        What stands in for a missing value; None refuses it.
    """

    name: str
    kind: str
    levels: tuple[str, ...] = ()
    fill: float | str | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the network's inputs: the column's, or one for each level.

        Examples
        --------
        >>> Feature("city", "category", ("Bonn", "Ulm")).inputs
        ('city=Bonn', 'city=Ulm')
        """
        if self.kind != "category":
            return (self.name,)
        return tuple(f"{self.name}={level}" for level in self.levels)

    @property
    def fill_text(self) -> str:
        """What stands in for a missing value, as people read it.

        Examples
        --------
        >>> Feature("built", "date", fill=19702.0).fill_text, Feature("size", "number", fill=1234.5).fill_text
        ('2023-12-11', '1,234')
        """
        if not isinstance(self.fill, float):
            return str(self.fill)
        if self.kind != "date" or not abs(self.fill) < MOST_DAYS:
            return figure(self.fill)
        moment = (EPOCH + timedelta(days=self.fill)).replace(tzinfo=None)
        return f"{moment.date()}" if self.fill == int(self.fill) else moment.isoformat(" ", "minutes")

    def encode(self, table: Table, notes: list[str]) -> NDArray[np.float64]:
        """Return the inputs (n, len(inputs)) of a table's column; what should be told is added to the notes.

        Raises
        ------
        TableError
            For a cell that has no value or no number where one is due.
        """
        absent = table.missing(self.name)
        if absent.any():
            if self.fill is None:
                row = int(np.flatnonzero(absent)[0])
                n = int(absent.sum())
                raise TableError(
                    f"{table.at(row, self.name)} has no value{f' (and {n - 1:,} more rows)' if n > 1 else ''}: "
                    "fill it in, or train with --impute, which fills such values"
                )
            how = self.fill_text if isinstance(self.fill, float) else repr(self.fill)
            notes.append(f"{self.name}: {counted(int(absent.sum()), 'missing value')} filled by {how}")
        if self.kind == "category":
            return self._levels(table, absent, notes)
        found = numbers_of(table, self.name, self.kind)
        found = np.where(absent, np.nan if self.fill is None else self.fill, found)
        return found.astype(np.float64)[:, None]

    def _levels(self, table: Table, absent: NDArray[np.bool_], notes: list[str]) -> NDArray[np.float64]:
        index = {level: i for i, level in enumerate(self.levels)}
        for i, level in enumerate(self.levels):  # "01" is 1 in a file whose cells all are numbers
            index.setdefault(_plain(level), i)
        fill = "" if self.fill is None else str(self.fill)
        texts = [fill if none else text for text, none in zip(texts_of(table.column(self.name)), absent, strict=True)]
        codes = np.array([index.get(text, index.get(_plain(text), -1)) for text in texts], np.int64)
        unseen = np.flatnonzero(codes < 0)
        if len(unseen):
            values = list(dict.fromkeys(texts[i] for i in unseen.tolist()))
            notes.append(
                f"{self.name}: {shown(values)} {'was' if len(values) == 1 else 'were'} not seen in training "
                f"({table.place(int(unseen[0]))} first, {counted(len(unseen), 'row')}): taken as none of its levels"
            )
        found: NDArray[np.float64] = (codes[:, None] == np.arange(len(self.levels))).astype(np.float64)
        return found


def texts_of(cells: Cells) -> list[str]:
    """Return cells as the texts that levels are made of; "" where missing.

    Examples
    --------
    >>> texts_of(np.array([1.0, 2.5, np.nan]))
    ['1', '2.5', '']
    """
    if isinstance(cells, np.ndarray):
        return ["" if cell != cell else f"{cell:.15g}" for cell in cells.tolist()]
    return ["" if cell is None else cell for cell in cells]


def numbers_of(table: Table, name: str, kind: str) -> NDArray[np.float64]:
    """Return a column as numbers, NaN where missing; dates as days since 1970.

    Raises
    ------
    TableError
        For the first cell that is no number, or no date, and for infinity.
    """
    cells = table.column(name)
    if isinstance(cells, np.ndarray):
        infinite = np.flatnonzero(np.isinf(cells))
        if len(infinite):
            row = int(infinite[0])
            raise TableError(f"{table.at(row, name)} is {cells[row]}: {CORRECT}")
        _refuse_sizes(table, name, cells)
        if kind == "date" and not np.isnan(cells).all():
            row = int(np.flatnonzero(~np.isnan(cells))[0])
            raise TableError(f"{table.at(row, name)} is {cells[row]:g}, no date such as 2024-01-31: correct it")
        return cells
    reads = days if kind == "date" else number
    found = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        if cell is not None:
            try:
                found[row] = reads(cell)
            except ValueError:
                example = "date such as 2024-01-31" if kind == "date" else "number"
                raise TableError(f"{table.at(row, name)} is {cell!r}, no {example}: {CORRECT}") from None
    return found


def _refuse_sizes(table: Table, name: str, values: NDArray[np.float64]) -> None:
    """Refuse numbers so large or small that their squares are none of float32 or float64."""
    sizes = np.abs(np.where(np.isnan(values), 0, values))
    row = int(sizes.argmax()) if len(sizes) else 0
    if len(sizes) and sizes[row] > LARGEST:
        raise TableError(
            f"{table.at(row, name)} is {values[row]:.4g}, and a network computes with numbers up to {LARGEST:g}: "
            "correct it, or divide the column by a power of 10"
        )
    if len(sizes) and 0 < sizes[row] < 1 / LARGEST:
        raise TableError(
            f"{table.source}, column {name!r} has no number beyond {sizes[row]:.4g}, and a network computes with "
            f"numbers from {1 / LARGEST:g} on: multiply the column by a power of 10"
        )


def days(text: str) -> float:
    """Return the days since 1970 of a date, or of a date with a time, by ISO 8601.

    Raises
    ------
    ValueError
        For anything else.

    Examples
    --------
    >>> days("1970-01-02"), days("1970-01-01 12:00")
    (1.0, 0.5)
    """
    if len(text) < len("2024-01-31") or text[4] not in "-/":
        raise ValueError(text)
    text = text.replace("/", "-")
    if len(text) == len("2024-01-31"):
        return float((date.fromisoformat(text) - EPOCH.date()).days)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH).total_seconds() / DAY_SECONDS


def _plain(level: str) -> str:
    try:
        return f"{number(level):.15g}"
    except ValueError:
        return level
