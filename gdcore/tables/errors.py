"""What a table lacks: one line with the file, the line, the column and the remedy."""

from __future__ import annotations

from collections.abc import Sequence

MAX_SHOWN = 4
"""A list in a message ends after this many entries."""


class TableError(ValueError):
    """A table that cannot be read or does not fit; the message says where and what to do.

    Examples
    --------
    >>> import gdcore.tables
    >>> gdcore.tables.Table.from_columns({"x": [1, 2], "y": [3]})
    Traceback (most recent call last):
    gdcore.tables.errors.TableError: column 'y' has 1 entry, but 'x' has 2: give every column as many
    """


def counted(n: int, noun: str, several: str = "") -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> counted(1, "row"), counted(1234, "row"), counted(2, "entry", "entries")
    ('1 row', '1,234 rows', '2 entries')
    """
    return f"{n:,} {noun if n == 1 else several or noun + 's'}"


def shown(values: Sequence[object], most: int = MAX_SHOWN) -> str:
    """Return the first of several values, and how many follow.

    Examples
    --------
    >>> shown(["a", "b", "c"], 2)
    "'a', 'b' and 1 more"
    """
    first = ", ".join(repr(value) for value in values[:most])
    return first if len(values) <= most else f"{first} and {len(values) - most:,} more"
