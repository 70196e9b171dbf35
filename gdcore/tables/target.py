"""The target: the column that is predicted, as a number or as one of several classes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from .errors import TableError, counted, shown
from .feature import numbers_of, texts_of
from .kinds import DISTINCT, DRESSED, MOSTLY, how_dressed, is_number
from .table import Cells, Table, code_in

TASKS = ("auto", "regression", "classification")
FEW_CLASSES = 10
"""Whole numbers of at most so many different values are classes, unless the user says otherwise."""
MAX_CLASSES = 1000
PER_CLASS = 5
"""Whole numbers are classes only if there are so many rows for each, on average."""


@final
@dataclass(frozen=True)
class Target:
    """What is predicted.

    Attributes
    ----------
    name : str
    task : {"regression", "classification"}
    classes : tuple of str
        Of a classification, in their order: whole numbers by size, texts by alphabet.
    why : str
        What decided the task, as half a sentence; "" if the user did.

    Examples
    --------
    >>> target = Target.of(Table.from_columns({"kind": ["oak", "elm", "oak"]}), "kind")
    >>> target.task, target.classes, target.width
    ('classification', ('elm', 'oak'), 2)
    """

    name: str
    task: str
    classes: tuple[str, ...] = ()
    why: str = ""

    @classmethod
    def of(cls, table: Table, name: str, task: str = "auto") -> Target:
        """Return the target that a column of a table holds.

        Raises
        ------
        TableError
            For a column without values, with one class only, with a class for most rows, or with texts where numbers
            are needed.
        """
        cells = table.column(name)
        there = ~table.missing(name)
        if not there.any():
            raise TableError(f"{table.source}, column {name!r}, the target, has no values: fill them in")
        why = ""
        if task == "auto":
            _refuse_dressed(table, name)
            task, why = _task(cells, there)
        if task == "regression":
            values = numbers_of(table, name, "number")[there]
            if (values == values[0]).all():
                raise TableError(f"column {name!r}, the target, is {values[0]:g} in every row: nothing can be learned")
            return cls(name, task, (), why)
        texts = {text for text in texts_of(cells) if text}
        if len(texts) < 2:
            raise TableError(f"column {name!r}, the target, is {texts.pop()!r} in every row: nothing can be learned")
        if len(texts) > MAX_CLASSES:
            raise TableError(
                f"column {name!r}, the target, has {len(texts):,} different values; a classification has at most "
                f"{MAX_CLASSES:,}: choose another target"
            )
        _refuse_singles(name, cells)
        numeric = isinstance(cells, np.ndarray)
        return cls(name, task, tuple(sorted(texts, key=float) if numeric else sorted(texts)), why)

    @property
    def width(self) -> int:
        """Number of the network's outputs for a loss of numbers or of classes."""
        return len(self.classes) or 1

    def encode(self, table: Table) -> NDArray[Any]:
        """Return the targets (n,): numbers, or the numbers of classes.

        Raises
        ------
        TableError
            For a value that is missing, no number, or a class that training has not seen; the line is named.
        """
        absent = np.flatnonzero(table.missing(self.name))
        if len(absent):
            raise TableError(
                f"{table.at(int(absent[0]), self.name)}, the target, has no value: fill it in, or take the row out"
            )
        if self.task == "regression":
            return numbers_of(table, self.name, "number")
        index = {text: i for i, text in enumerate(self.classes)}
        texts = texts_of(table.column(self.name))
        for row, text in enumerate(texts):
            if text not in index:
                raise TableError(
                    f"{table.at(row, self.name)} is {text!r}, a class that training has not seen; "
                    f"known: {shown(self.classes)}"
                )
        return np.array([index[text] for text in texts], np.int64)


def with_target(table: Table, target: str) -> tuple[Table, tuple[str, ...]]:
    """Return the rows that have a value of the target, and what to tell of the others; all rows where none has one.

    Examples
    --------
    >>> with_target(Table.from_columns({"y": [1, None, 3]}), "y")
    (Table('table': 2 rows, 1 column), ('y: 1 row without a value, left out (row 1 first)',))
    """
    absent = table.missing(target)
    if not absent.any() or absent.all():
        return table, ()
    first = table.place(int(np.flatnonzero(absent)[0]))
    note = f"{target}: {counted(int(absent.sum()), 'row')} without a value, left out ({first} first)"
    return table.rows(np.flatnonzero(~absent)), (note,)


def _refuse_dressed(table: Table, name: str) -> None:
    """Refuse texts that were meant to be numbers: 1,234 or $5, and a few words among numbers."""
    cells = table.column(name)
    if isinstance(cells, np.ndarray):
        return
    there = [(row, cell) for row, cell in enumerate(cells) if cell is not None]
    odd = [(row, cell) for row, cell in there if not is_number(cell)]
    others = [(row, cell) for row, cell in odd if not DRESSED.fullmatch(cell)]
    if odd and not others:
        how, remedy = how_dressed([cell for _, cell in there])
        raise TableError(
            f"column {name!r}, the target, has numbers written {how}: {remedy.removesuffix(',')}, or pass "
            "--task classification"
        )
    if 0 < len(others) <= (1 - MOSTLY) * len(there):
        row, cell = others[0]
        raise TableError(
            f"{table.at(row, name)}, the target, is {cell!r}, where {counted(len(there) - len(others), 'other row')} "
            "have numbers: correct it, leave it empty, or pass --task classification"
        )


def _refuse_singles(name: str, cells: Cells) -> None:
    """Refuse classes of which most have one row: texts, and numbers with decimals."""
    texts = [text for text in texts_of(cells) if text]
    numbers = isinstance(cells, np.ndarray) or all(map(is_number, texts))
    if isinstance(cells, np.ndarray) and (cells[~np.isnan(cells)] % 1 == 0).all():
        return
    alone = sum(n == 1 for n in Counter(texts).values())
    if len(texts) >= DISTINCT and alone > len(texts) / 2:
        remedy = "pass --task regression" if numbers else "choose another target"
        raise TableError(
            f"column {name!r}, the target, has a value of its own in {alone:,} of {counted(len(texts), 'row')}, and a "
            f"class needs several rows: {remedy}"
        )


def _task(cells: Any, there: NDArray[np.bool_]) -> tuple[str, str]:
    """Return the task that a column's values suggest, and why."""
    if not isinstance(cells, np.ndarray):
        code = code_in(cells)
        return "classification", f"digits such as {code!r} are taken for codes" if code else "the target is text"
    values = cells[there]
    distinct = np.unique(values)
    few = len(distinct) <= FEW_CLASSES and len(values) >= PER_CLASS * len(distinct)
    if few and (distinct == np.round(distinct)).all():
        return "classification", f"the target has {counted(len(distinct), 'different whole number')}"
    return "regression", "the target is a number"
