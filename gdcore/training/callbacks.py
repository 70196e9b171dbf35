"""Callbacks: what a user's code is told while a fit runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from . import checks as training_checks
from .epoch_end import EpochEnd
from .history import History
from .stopping.base import StoppingCriterion


class Callback(ABC):
    """An interface: derive from it and write `on_epoch_end`.

    A fit without callbacks does nothing for them.

    Examples
    --------
    >>> class Print(Callback):
    ...     def on_epoch_end(self, state):
    ...         print(state.epoch, state.loss)
    """

    def on_fit_begin(self, epochs: int) -> None:  # noqa: B027  # only some callbacks need it
        """Before the first epoch, of so many that are asked for."""

    @abstractmethod
    def on_epoch_end(self, state: EpochEnd) -> bool | None:
        """After each epoch, and where `max_steps` ends the fit within one; True ends the fit."""

    def on_fit_end(self, history: History) -> None:  # noqa: B027  # only some callbacks need it
        """After the last epoch, with what criteria restore in the model; after an exception too, with nothing restored.

        `history.stop_reason` says which.
        """


def callback_list(callbacks: Callback | Iterable[Callback]) -> list[Callback]:
    """One callback or several, as a list."""
    several = list(callbacks) if isinstance(callbacks, Iterable) and not isinstance(callbacks, str) else [callbacks]
    for callback in several:
        if isinstance(callback, StoppingCriterion):
            raise training_checks.not_a_callback(callback)
        training_checks.callback(callback, Callback)
    return several
