"""Rows as a table (head, rows), for the terminal and for the documentation."""

from collections.abc import Sequence
from typing import Any

from gdcore.bench.table import three_digits

from .comparison import Difference, Row

Table = tuple[Sequence[str], Sequence[Sequence[str]]]


def told(options: dict[str, Any]) -> str:
    """Return parameters as a call has them."""
    return ", ".join(f"{key}={value!r}" for key, value in options.items()) or "defaults"


def told_difference(difference: Difference) -> str:
    """Return a mean and its standard error."""
    return f"{difference.mean:+.4f} ± {difference.error:.4f}"


def every_row(rows: Sequence[Row]) -> Table:
    """A row for each data set and setting."""
    head = ("data", "estimator", "settings", "gdcore", "scikit-learn", "difference", "again", "within", "time")
    return head, [
        (
            row.dataset,
            row.estimator,
            told(row.options),
            *(f"{score:.4f}" for score in row.scores),
            told_difference(row.difference),
            "" if row.again is None else told_difference(row.again),
            "yes" if row.within else "no",
            f"{three_digits(row.ratio)}x",
        )
        for row in rows
    ]


def summary(rows: Sequence[Row]) -> str:
    """How many rows are within one standard error, as two sentences."""
    above = sum(row.difference.mean > row.difference.error for row in rows)
    below = [row for row in rows if not row.difference.within]
    first = (
        f"Of {len(rows)} rows gdcore is more than one standard error above in {above} and below in {len(below)}; "
        f"between equal methods both would be about {0.16 * len(rows):.0f}."
    )
    measured = [row for row in below if row.again is not None]
    if not measured:
        return first
    still = sum(not row.within for row in measured)
    return f"{first} Of the {len(measured)} that were measured again, still below: {still or 'none'}."
