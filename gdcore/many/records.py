"""What the fits of many models record: arrays with a row per model, and why each fit ended.

Design
------
The columns of a `History` are arrays (n_models, longest run) here, NaN behind a model's last epoch: thousands of lists
of Python's floats would take more memory than the models, and more time than training them. `history(i)` makes an
ordinary History of a row. A column is there if and only if it was asked for, which the models of a fit have in common:
one that is NaN in every epoch, such as a loss on validation data beyond the precision's range, is like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ..training.history import History

EVERY = ("loss", "learning_rate", "gradient_norm", "clipped_steps", "seconds")
"""Columns that every fit has."""
ON_REQUEST = ("val_loss", "weight_norm", "update_ratio")
NESTED = {"metrics": "", "layer_gradient_norm": "gradient_norm "}
"""Dicts of a History, with what their columns' names begin with here."""

INTERRUPTED = "the call was interrupted"
WAITING = f"{INTERRUPTED} before the first epoch"


@final
class Records:
    """Rows of the histories' columns.

    Parameters
    ----------
    numbers : iterable of int
        Of the models.
    epochs : int
        Number of epochs that there is room for; `widen` and `grow` make more, `cut` takes back what was not needed.

    Attributes
    ----------
    columns : dict of str to ndarray, shape (n_models, epochs)
    epochs : ndarray of int64, shape (n_models,)
        Number of epochs that each model has run.
    stop_reasons : list of str
    diverged : ndarray of bool, shape (n_models,)
    """

    def __init__(self, numbers: Iterable[int], epochs: int) -> None:
        self.numbers = np.fromiter(numbers, np.int64)
        self._order = np.argsort(self.numbers, kind="stable")
        n = len(self.numbers)
        self.width = epochs
        self.columns: dict[str, NDArray[np.float64]] = {name: np.full((n, epochs), np.nan) for name in EVERY}
        self.epochs = np.zeros(n, np.int64)
        self.stop_reasons = [WAITING] * n
        self.diverged = np.zeros(n, np.bool_)

    def __len__(self) -> int:
        return len(self.epochs)

    def at(self, number: int) -> int:
        """Return the row of the model of that number."""
        return int(self.rows(np.array([number]))[0])

    def rows(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of some models by their numbers."""
        return self._order[np.searchsorted(self.numbers, numbers, sorter=self._order)]

    def column(self, name: str) -> NDArray[np.float64]:
        """Return a column by its name, shape (n_models, epochs); a new one is NaN."""
        found = self.columns.get(name)
        if found is None:
            found = self.columns[name] = np.full((len(self), self.width), np.nan)
        return found

    def put(self, row: int, history: History, *, diverged: bool = False) -> None:
        """Record the history of one model."""
        n = min(len(getattr(history, name)) for name in EVERY)  # an interrupt may have left some of them longer
        self.grow(n)
        for name in (*EVERY, *ON_REQUEST):
            values = getattr(history, name)[:n]
            if values:
                self.column(name)[row, :n] = values
        for entry, prefix in NESTED.items():
            for name, values in getattr(history, entry).items():
                self.column(prefix + name)[row, :n] = values[:n]
        self.epochs[row], self.stop_reasons[row], self.diverged[row] = n, history.stop_reason, diverged

    def widen(self, epochs: int) -> None:
        """Make room for so many epochs, if there is less."""
        if epochs <= self.width:
            return
        behind = np.full((len(self), epochs - self.width), np.nan)
        self.columns = {name: np.hstack([values, behind]) for name, values in self.columns.items()}
        self.width = epochs

    def grow(self, epochs: int, most: int | None = None) -> None:
        """Make room for so many epochs and as many again, but not for more than `most`.

        Fits that stop early do not take the memory of all the epochs that they might have run.
        """
        if epochs > self.width:
            doubled = max(epochs, 2 * self.width)
            self.widen(doubled if most is None else max(epochs, min(doubled, most)))

    def cut(self) -> None:
        """Forget unfinished epochs, and take back the room behind the longest run."""
        longest = int(self.epochs.max(initial=0))
        behind = np.arange(longest) >= self.epochs[:, None]
        for name, values in self.columns.items():
            kept = values if values.shape[1] == longest else values[:, :longest].copy()
            kept[behind] = np.nan
            self.columns[name] = kept
        self.width = longest

    def put_all(self, other: Records) -> None:
        """Record what was recorded elsewhere, for its models."""
        rows = self.rows(other.numbers)
        self.widen(other.width)
        for name, values in other.columns.items():
            self.column(name)[rows, : other.width] = values
        self.epochs[rows], self.diverged[rows] = other.epochs, other.diverged
        for row, reason in zip(rows.tolist(), other.stop_reasons, strict=True):
            self.stop_reasons[row] = reason

    def history(self, row: int) -> History:
        """Return one model's row as a History."""
        n = int(self.epochs[row])
        found = History(stop_reason=self.stop_reasons[row])
        for name, values in self.columns.items():
            own: list[Any] = values[row, :n].tolist()
            if name == "clipped_steps":
                found.clipped_steps = [int(value) for value in own]
            elif name in EVERY or name in ON_REQUEST:
                setattr(found, name, own)
            elif name.startswith(NESTED["layer_gradient_norm"]):
                if not np.isnan(values[row, :n]).all():  # else another model's layer, which this one does not have
                    found.layer_gradient_norm[name.removeprefix(NESTED["layer_gradient_norm"])] = own
            else:
                found.metrics[name] = own
        return found

    def select(self, rows: NDArray[np.int64]) -> Records:
        """Return copies of some rows, numbered anew from 0."""
        found = Records(range(len(rows)), self.width)
        found.columns = {name: values[rows] for name, values in self.columns.items()}
        found.epochs, found.diverged = self.epochs[rows], self.diverged[rows]
        found.stop_reasons = [self.stop_reasons[row] for row in rows]
        return found

    def last(self, name: str) -> NDArray[np.float64]:
        """Return a column's value in each model's last epoch, shape (n_models,); NaN for a model without epochs."""
        values = self.columns[name]
        ends = (
            values[np.arange(len(self)), np.maximum(self.epochs - 1, 0)] if self.width else np.full(len(self), np.nan)
        )
        return np.where(self.epochs > 0, ends, np.nan)
