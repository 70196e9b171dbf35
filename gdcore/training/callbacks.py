"""Callbacks: a user's functions that are called while a fit runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from . import checks as training_checks
from .epoch_end import EpochEnd, Monitors
from .history import History
from .stopping.base import StoppingCriterion


class Callback(ABC):
    """Interface of callbacks: derive from it and write `on_epoch_end`.

    Without callbacks a fit spends no time on them.

    Examples
    --------
    >>> import gdcore as gd
    >>> class Print(gd.Callback):
    ...     def on_epoch_end(self, state):
    ...         print(state.epoch, state.loss)

    One that ends a fit says why:

    >>> class Below(gd.Callback):
    ...     def on_epoch_end(self, state):
    ...         return f"the loss is {state.loss}" if state.loss < 0.25 else None
    >>> net = gd.LinearModel(1, bias=False, weight_init="zeros")
    >>> net.fit([[1.0]], [1.0], "mse", optimizer=gd.SGD(0.25), callbacks=Below()).stop_reason
    'the loss is 0.0625'
    """

    def check_monitors(self, monitors: Monitors) -> None:  # noqa: B027  # only some callbacks need it
        """Called while a fit checks its arguments, before anything is trained, with the values that it will measure.

        Each name stands with whether greater is better, None if that is unknown, or the reason why it has no value. A
        callback that needs another one raises here.
        """

    def on_fit_begin(self, epochs: int) -> None:  # noqa: B027  # only some callbacks need it
        """Called before the first epoch, with the number of epochs to run."""

    @abstractmethod
    def on_epoch_end(self, state: EpochEnd) -> bool | str | None:
        """Called after each epoch, and after the last step if `max_steps` cuts an epoch short.

        True ends the fit, and so does a text, which says why in `History.stop_reason`; None, False and "" do not.
        """

    def on_fit_end(self, history: History) -> None:  # noqa: B027  # only some callbacks need it
        """Called after the last epoch, once criteria have restored parameters; also after an exception, with nothing
        restored.

        `history.stop_reason` says how the fit ended.
        """


def callback_list(callbacks: Callback | Iterable[Callback]) -> list[Callback]:
    """Return one callback or several as a list."""
    several = list(callbacks) if isinstance(callbacks, Iterable) and not isinstance(callbacks, str) else [callbacks]
    for callback in several:
        if isinstance(callback, StoppingCriterion):
            raise training_checks.not_a_callback(callback)
        training_checks.callback(callback, Callback)
    return several
