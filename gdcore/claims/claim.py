"""Claims: what a document says, what was measured, and what follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, final

HOLDS, FAILS, DEPENDS, ANSWERED, OPEN = "holds", "does not hold", "depends", "answered", "not measured"
VERDICTS = HOLDS, FAILS, DEPENDS, ANSWERED, OPEN

Cell = str | int | float


@final
@dataclass(frozen=True)
class Claim:
    """One claim of a document with its measurement.

    Parameters
    ----------
    name : str
        By which it is found; no two claims of a document share one.
    said : str
        What the document says, shortened.
    measured : str
        A sentence with the numbers of this run.
    verdict : str
        One of `VERDICTS`: "depends" where it is so in one of the measured cases and not in another, "answered" for a
        question.
    values : mapping, default {}
        The numbers that the verdict follows from.

    Examples
    --------
    >>> Claim("sum", "1 + 1 = 3", "1 + 1 = 2", holds(1 + 1 == 3), {"sum": 2}).verdict
    'does not hold'
    """

    name: str
    said: str
    measured: str
    verdict: str
    values: Mapping[str, Any] = field(default_factory=dict)


def holds(yes: bool, otherwise: str = FAILS) -> str:
    """Return the verdict of a claim that holds, or another one.

    Examples
    --------
    >>> holds(True), holds(False), holds(False, DEPENDS)
    ('holds', 'does not hold', 'depends')
    """
    return HOLDS if yes else otherwise


def answered(yes: bool) -> str:
    """Return the verdict of a question whose answer passed the test, or did not.

    Examples
    --------
    >>> answered(True), answered(False)
    ('answered', 'does not hold')
    """
    return ANSWERED if yes else FAILS


def everywhere(*cases: bool) -> str:
    """Return the verdict of a claim that was tested in several cases.

    Examples
    --------
    >>> everywhere(True, True), everywhere(True, False), everywhere(False, False)
    ('holds', 'depends', 'does not hold')
    """
    return HOLDS if all(cases) else DEPENDS if any(cases) else FAILS


@final
@dataclass(frozen=True)
class Table:
    """A table of measurements.

    Parameters
    ----------
    header : tuple of str
    rows : tuple of tuples
        Text, or numbers, which are shown with five digits.
    note : str, default ""
        What was measured, and on what.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@final
@dataclass(frozen=True)
class Picture:
    """A picture of a section.

    Parameters
    ----------
    name : str
        Of its file, without ending.
    draw : callable
        (matplotlib Axes) -> anything.
    """

    name: str
    draw: Callable[[Any], Any]


@final
@dataclass(frozen=True)
class Section:
    """Claims that one measurement tests, with its tables and pictures."""

    title: str
    claims: tuple[Claim, ...]
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()


@final
@dataclass(frozen=True)
class Document:
    """One of the documents that the project grew from.

    Parameters
    ----------
    name : str
        Of the script in examples/claims.
    title : str
    summary : str
        What it asks or says, in a sentence or two.
    sections : tuple of callables
        () -> Section, each of which measures.
    """

    name: str
    title: str
    summary: str
    sections: tuple[Callable[[], Section], ...]
