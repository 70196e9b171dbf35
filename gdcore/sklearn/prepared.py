"""Fits that were trained beforehand, together: an estimator with the same parameters takes one instead of training.

Design
------
A search of scikit-learn's clones its estimator and fits the clone on each fold. Within `prepared`, a fit takes an entry
with its parameters that was trained on the very same rows, targets and weights; without one it trains as ever. Each
entry is taken once. The entries belong to one thread, that of the search.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, NamedTuple, final

import numpy as np

from .digests import digest_of
from .steps_before import in_words


class Entry(NamedTuple):
    """One fit: the parameters of what asks for it, the digest of what it is given, and the fitted estimator or None."""

    parameters: str
    data: str
    fitted: Any


@final
class Ledger:
    """Entries by what is asked for; equal ones in the order in which they are taken."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.waiting: dict[str, dict[str, list[Any]]] = {}
        for entry in entries:
            self.waiting.setdefault(entry.parameters, {}).setdefault(entry.data, []).append(entry.fitted)

    def take(self, parameters: str, *data: Any) -> Any:
        """Return the next fitted estimator for these parameters and data, or None."""
        found = self.waiting.get(parameters)
        if not found:
            return None
        fitted = found.get(digest_of(*data) or "")
        return fitted.pop(0) if fitted else None


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
    """Return what two estimators with the same parameters have in common.

    Raises
    ------
    ValueError
        Where a parameter has no text.
    """
    values = est.get_params(deep=False)
    if isinstance(values["random_state"], np.random.RandomState):  # its repr is its address, and a clone has another
        values["random_state"] = values["random_state"].get_state()
    try:
        return repr(sorted(values.items()))
    except Exception as error:  # a parameter may be of anybody's class
        raise ValueError(f"its parameters cannot be told apart: {in_words(error)}") from error


def taken(est: Any, X: Any, y: Any, sample_weight: Any, validation_data: Any) -> bool:
    """Give an estimator what a fit on these data made beforehand has learned, if there is one; return whether."""
    ledger = LEDGER.get()
    if ledger is None:  # the data may be anything that a fit takes, and are not looked at
        return False
    found = None
    with suppress(ValueError):  # parameters that cannot be told have no entry
        found = ledger.take(told(est), X, y, sample_weight, validation_data)
    if found is None:
        return False
    learn_from(est, found)
    return True


def learn_from(est: Any, fitted: Any) -> None:
    """Give an estimator the attributes of a fitted one, and no parameter."""
    parameters = fitted.get_params(deep=False)
    vars(est).update({name: value for name, value in vars(fitted).items() if name not in parameters})
