"""Fits of a search that are trained together as long as the rows that they hold are few."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from .ensembles import begun
from .prepared import Entry, told
from .rows import Rows
from .steps_before import Part, in_words
from .together import Begun, train_together

LIMIT = 64 * 2**20
"""Bytes of rows that may wait; with more, what waits is trained."""


@final
class Batches:
    """Fits that wait for their training, and entries of those that have been trained.

    A batch has the folds of one candidate at least.

    Parameters
    ----------
    threads : int
        Threads of a training.

    Attributes
    ----------
    entries : list of Entry
        Of what has been trained.
    failed : dict of int to str
        The candidates whose batch found no memory, and why.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.entries: list[Entry] = []
        self.failed: dict[int, str] = {}
        self._clear()

    def _clear(self) -> None:
        self.fits: list[Begun] = []
        self.asked: list[tuple[int, str, str]] = []
        self.own, self.shared = 0, dict[int, int]()

    def add(self, candidate: int, net: Any, parts: list[Part]) -> None:
        """Begin the fits of a candidate's network on each fold; train what waits if their copies of rows are many.

        Raises
        ------
        TypeError, ValueError, MemoryError
            Where a fit cannot begin; then none of them waits.
        """
        which = told(net)
        fits = [begun(clone(net), X, y) for X, y, _ in parts]
        for one, (X, y, digest) in zip(fits, parts, strict=True):
            self.fits.append(one)
            self.asked.append((candidate, which, digest))
            for array in arrays_of(one.rows):
                if any(np.may_share_memory(array, given) for given in (*arrays_in(X), *arrays_in(y))):
                    self.shared[array.ctypes.data] = array.nbytes
                else:
                    self.own += array.nbytes
        if self.own > LIMIT:
            self.train()

    def end_setting(self) -> None:
        """Train what waits if its rows are many: the next fits have other rows."""
        if self.own + sum(self.shared.values()) > LIMIT:
            self.train()

    def train(self) -> None:
        """Train what waits, and let go of its rows."""
        fits, asked = self.fits, self.asked
        self._clear()
        if not fits:
            return
        try:
            diverged = set(train_together(fits, self.threads, whole=True))
        except MemoryError as error:  # one after another they may have enough
            self.failed.update((candidate, in_words(error)) for candidate, _, _ in asked)
            return
        for i, (one, (_, which, digest)) in enumerate(zip(fits, asked, strict=True)):
            self.entries.append(Entry(which, digest, None if i in diverged else one.est))


def arrays_of(rows: Rows) -> list[NDArray[Any]]:
    """Return the arrays that rows for a trainer consist of."""
    return [array for values in (rows.X, rows.y, rows.weight) for array in arrays_in(values)]


def arrays_in(values: Any) -> list[NDArray[Any]]:
    """Return an array, or the arrays of a compressed sparse matrix; of anything else none.

    Examples
    --------
    >>> len(arrays_in(np.ones(3))), arrays_in([1.0, 2.0])
    (1, [])
    """
    if isinstance(values, np.ndarray):
        return [values]
    found = [getattr(values, name, None) for name in ("data", "indices", "indptr")]
    return [array for array in found if isinstance(array, np.ndarray)]
