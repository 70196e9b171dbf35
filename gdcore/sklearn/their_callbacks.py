"""scikit-learn's own callbacks (1.9 and newer): a task for the fit, and one below it for each epoch.

Design
------
Without a callback, and under an older scikit-learn, a fit is what it is without this file: no context is made. Epochs
are reported, except by lbfgs, whose fit is one task.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar, final

from ..training import Callback, EpochEnd, History
from .watch import Watch

F = TypeVar("F", bound=Callable[..., Any])
Attributes = Callable[[], dict[str, Any]]


class _NoCallbacks:
    """Stands for `CallbackSupportMixin` where scikit-learn is older than 1.9."""


SUPPORTED = find_spec("sklearn.callback") is not None
Support: Any = import_module("sklearn.callback").CallbackSupportMixin if SUPPORTED else _NoCallbacks


def with_callbacks(method: F) -> F:
    """Decorate a `fit` so that callbacks are torn down after it, however it ends."""
    if not SUPPORTED:
        return method
    decorated: F = import_module("sklearn.callback").with_callbacks(method)
    return decorated


@final
class Tasks(Callback):
    """Reports a fit and its epochs to scikit-learn's callbacks, which may end it.

    Parameters
    ----------
    estimator : Estimator
    task : (CallbackContext, dict)
        The context of the whole fit, and its X, y and metadata.
    watch : Watch
        What else may end the fit.
    attributes : callable
        () -> the fitted attributes at the moment, for callbacks that predict.
    """

    def __init__(self, estimator: Any, task: tuple[Any, dict[str, Any]], watch: Watch, attributes: Attributes) -> None:
        self.estimator, self.watch, self.attributes = estimator, watch, attributes
        self.context, self.given = task
        self.open: Any = None

    def on_fit_begin(self, epochs: int) -> None:
        """Begin the first epoch's task."""
        self._begin()

    def on_epoch_end(self, state: EpochEnd) -> str | None:
        """End an epoch's task, and begin the next one's if there is one; return why a callback ends the fit, if so."""
        stops = self._end()
        if not stops and not self.watch.converged and state.epoch + 1 < state.epochs:
            self._begin()
        return f"a callback of scikit-learn asked to stop in epoch {state.epoch}" if stops else None

    def on_fit_end(self, history: History) -> None:
        """End a task that is open, since something else has ended the fit."""
        if self.open is not None:
            self._end()

    def _begin(self) -> None:
        self.open = self.context.subcontext(task_name="epoch")
        self.open.call_on_fit_task_begin(estimator=self.estimator, **self.given)

    def _end(self) -> bool:
        task, self.open = self.open, None
        return bool(
            task.call_on_fit_task_end(estimator=self.estimator, **self.given, reconstruction_attributes=self.attributes)
        )
