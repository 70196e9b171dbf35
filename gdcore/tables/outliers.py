"""Numbers far from all others: in the rows to learn from, and in new rows beside those of the training."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..layers.scaling import Standardize
from .errors import counted
from .numbers import figure
from .preparation import Preparation
from .table import Table

OUTLYING = 1000.0
"""A number this many times as far from the median as the others are spread is taken for a wrong entry."""
MOST_OUTLYING = 0.01
"""At most this share of the rows, and at least one, counts as far from the others."""
FAR_FROM_TRAINING = 20.0
"""So many standard deviations from the mean of the training rows, a network has seen nothing like it."""


def outlying(table: Table, name: str, values: NDArray[np.float64]) -> tuple[str, ...]:
    """Return what to tell of the number (n,) that lies furthest from the others, where it lies very far.

    Examples
    --------
    >>> table = Table.from_columns({"size": [40, 60, 50, 70e6, 80]})
    >>> outlying(table, "size", table.column("size"))
    ('size: 70,000,000 (row 3) lies 4,732,860 times as far from the median as the others are spread: a wrong entry?',)
    """
    away = np.abs(values - np.median(values))
    furthest = int(away.argmax())
    n = max(1, int(MOST_OUTLYING * len(values)))
    others = values[np.argsort(away, kind="stable")[:-n]]
    spread = float(others.std()) if len(others) else 0.0
    if not spread or away[furthest] <= OUTLYING * spread:
        return ()
    said = f"{name}: {figure(values[furthest])} ({table.place(furthest)}) lies {figure(away[furthest] / spread)} times"
    return (f"{said} as far from the median as the others are spread: a wrong entry?",)


def far_from_training(
    table: Table, preparation: Preparation, X: NDArray[np.float64], scaling: Standardize
) -> tuple[str, ...]:
    """Return what to tell of numbers and dates of a table that are far from those of the training.

    Parameters
    ----------
    table : Table
    preparation : Preparation
    X : ndarray, shape (n, n_inputs)
        What the preparation makes of the table.
    scaling : Standardize
        The mean and the standard deviation of the training rows.
    """
    sizes = np.abs((X - np.array(scaling.mean)) / np.array(scaling.std))
    notes = []
    for place, name in enumerate(preparation.inputs):
        if preparation.is_level[place]:
            continue
        rows = np.flatnonzero((sizes[:, place] > FAR_FROM_TRAINING) & ~table.missing(name))
        if len(rows):
            first = int(rows[0])
            cell = table.column(name)[first]
            text = figure(X[first, place]) if cell is None or isinstance(cell, float) else cell
            notes.append(
                f"{name}: {text} ({table.place(first)} first, {counted(len(rows), 'row')}) lies "
                f"{figure(sizes[first, place])} standard deviations from the mean of the training: nothing like it was "
                "seen, so the answer is a guess"
            )
    return tuple(notes)
