"""What a report is about: a model, its training, the rows that it is judged by, and where they came from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from ..diagnosis import Preflight
from ..losses import CustomLoss, Loss
from ..models.sequential import Sequential
from ..tables import Target
from ..training import History


class Column(NamedTuple):
    """A row of the table of columns."""

    name: str
    kind: str
    missing: int
    values: str


class Input(NamedTuple):
    """A column as the network sees it."""

    name: str
    places: tuple[int, ...]
    """Its columns of X: one, or one for each level of a category."""


class Rows(NamedTuple):
    """Rows with targets as the loss takes them."""

    X: NDArray[Any]
    y: NDArray[Any]


@final
@dataclass(frozen=True, eq=False)
class Judged:
    """The rows that a model is judged by.

    Parameters
    ----------
    rows : Rows
    answers : ndarray, shape (n,), or (n, k) for several numbers
        The targets: numbers, or the numbers of classes.
    name : str
        What they are called: "validation rows".
    place : callable
        From a row's number to where it stands, such as "line 17".
    cells : callable
        From an input's name and a row's number to its text.
    told : str, default ""
        What to know of the scores, as a sentence without its full stop.
    """

    rows: Rows
    answers: NDArray[Any]
    name: str
    place: Callable[[int], str]
    cells: Callable[[str, int], str]
    told: str = ""


@final
@dataclass(frozen=True, eq=False)
class Subject:
    """A model, its training and its rows.

    Parameters
    ----------
    title : str
    history : History
    data : list of (str, str)
        What is known of the data, by name.
    columns : list of Column
    notes : list of str
        What should be told of the data.
    net : Sequential, optional
    loss : Loss or callable, optional
    target : Target, optional
        What the outputs mean; None where they are neither numbers nor classes.
    baseline : float, optional
        The answer that sees no inputs.
    inputs : list of Input
    training : Rows, optional
        Those that the model was trained on.
    judged : Judged, optional
    preflight : Preflight, optional
    settings : list of (str, str)
    command : str
        What makes the model again.
    """

    title: str
    history: History
    data: list[tuple[str, str]] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    net: Sequential | None = None
    loss: Loss | CustomLoss | None = None
    target: Target | None = None
    baseline: float | None = None
    inputs: list[Input] = field(default_factory=list)
    training: Rows | None = None
    judged: Judged | None = None
    preflight: Preflight | None = None
    settings: list[tuple[str, str]] = field(default_factory=list)
    command: str = ""


def some(n: int, most: int) -> NDArray[np.int64]:
    """Return the numbers of at most so many of n rows, evenly spaced.

    Examples
    --------
    >>> some(3, 10), some(9, 3)
    (array([0, 1, 2]), array([0, 4, 8]))
    """
    return np.linspace(0, n - 1, min(n, most)).astype(np.int64)


def of_all(used: int, n: int, noun: str) -> str:
    """Return how many rows were looked at, as half a sentence.

    Examples
    --------
    >>> of_all(10, 10, "validation rows"), of_all(1000, 5000, "rows")
    ('all 10 validation rows', '1,000 of 5,000 rows, evenly spaced')
    """
    return f"all {n:,} {noun}" if used == n else f"{used:,} of {n:,} {noun}, evenly spaced"
