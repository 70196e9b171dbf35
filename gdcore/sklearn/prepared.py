"""Fits that were trained beforehand, together: an estimator with the same parameters takes one instead of training.

Design
------
A search of scikit-learn's clones its estimator and fits the clone, candidate by candidate and fold by fold, in that
order. Within `prepared`, a fit looks for the next entry with its parameters and its number of rows; without one, or
behind the last one, it trains as ever. The entries belong to one thread, that of the search.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, final

import numpy as np

from .steps_before import same_rows


class Entry(NamedTuple):
    """One fit: the parameters and the number of rows of what asks for it, and the fitted estimator or None.

    With rows X, which come from the steps of a pipeline, it is only for a fit on the very same.
    """

    parameters: str
    n_rows: int
    fitted: Any
    X: Any = None


@final
class Ledger:
    """Entries in the order in which they are asked for."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries, self.place = entries, 0

    def take(self, parameters: str, n_rows: int, X: Any) -> Any:
        """Return the next fitted estimator for these, or None."""
        for i in range(self.place, len(self.entries)):
            entry = self.entries[i]
            if entry.parameters == parameters and entry.n_rows == n_rows:
                if entry.X is not None and not same_rows(entry.X, X):
                    continue
                self.place = i + 1
                return entry.fitted
        return None


LEDGER: ContextVar[Ledger | None] = ContextVar("fits that were trained beforehand", default=None)


@contextmanager
def prepared(entries: Sequence[Entry]) -> Iterator[None]:
    """Within the block, fits take these."""
    token = LEDGER.set(Ledger(entries))
    try:
        yield
    finally:
        LEDGER.reset(token)


def told(est: Any) -> str:
    """Return what two estimators with the same parameters have in common."""
    values = est.get_params(deep=False)
    if isinstance(values["random_state"], np.random.RandomState):  # its repr is its address, and a clone has another
        values["random_state"] = values["random_state"].get_state()
    return repr(sorted(values.items()))


def taken(est: Any, X: Any) -> bool:
    """Give an estimator what a fit on X made beforehand has learned, if there is one; return whether there was."""
    ledger = LEDGER.get()
    if ledger is None:  # X may be anything that a fit takes, and is not looked at
        return False
    found = ledger.take(told(est), len(X) if isinstance(X, list | tuple) else int((np.shape(X) or (0,))[0]), X)
    if found is None:
        return False
    learn_from(est, found)
    return True


def learn_from(est: Any, fitted: Any) -> None:
    """Give an estimator the attributes of a fitted one, and no parameter."""
    parameters = fitted.get_params(deep=False)
    vars(est).update({name: value for name, value in vars(fitted).items() if name not in parameters})
