"""Stopping when a value no longer improves."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan
from typing import Any, final

from numpy.typing import NDArray

from .. import checks, checks_fit
from .epoch_end import EpochEnd, Mode, Monitored, Monitors, monitored
from .stopping import Memory, StoppingCriterion, Watch


@final
@dataclass(frozen=True, repr=False)
class EarlyStopping(StoppingCriterion):
    """Stops when the loss, or a metric, has not improved for `patience` epochs.

    Epochs count from 0 within the fit. A later fit of the same trainer with an equal criterion goes on counting, and
    training goes on from where it was, whichever parameters came back; where the criterion ended the fit, both begin
    anew with what came back. The training loss of an epoch is measured before its updates, so its best
    epoch is only nearly that of the parameters. After an exception (DivergedError, Ctrl-C) nothing is restored.

    Parameters
    ----------
    patience : int, default 10
        Epochs without improvement that are tolerated; >= 1.
    min_delta : float, default 0.0
        What counts as improvement, in the value's units.
    restore_best : bool, default True
        Whether the parameters of the best epoch come back, at whatever epoch the fit ends.
    monitor : str, default "auto"
        "auto" is the validation loss where there is validation data, else the training loss; or "loss", "val_loss", or
        a metric of the fit, such as "val_accuracy".
    mode : {"auto", "min", "max"}, default "auto"
        Whether smaller or greater is better; "auto" knows it of losses and of `gdcore.METRICS`.

    References
    ----------
    Prechelt, L. (1998). Early stopping - but when? Neural Networks: Tricks of the Trade.

    Examples
    --------
    >>> EarlyStopping(patience=5)
    EarlyStopping(patience=5)
    """

    patience: int = 10
    min_delta: float = 0.0
    restore_best: bool = True
    monitor: str = "auto"
    mode: Mode = "auto"

    def __post_init__(self) -> None:
        checks.integer("patience", self.patience, 1)
        checks.nonnegative("min_delta", self.min_delta)
        checks.boolean("restore_best", self.restore_best)
        checks_fit.text("monitor", self.monitor)
        checks_fit.one_of("mode", self.mode, ("auto", "min", "max"))

    def start(self, monitors: Monitors, remembered: Memory = ()) -> Watch:
        watch = _PatienceWatch(self, monitored(self, self.monitor, self.mode, monitors))
        if remembered and remembered[0] == watch.what:
            _, watch.best, watch.waited, watch.best_params = remembered
        return watch


@final
class _PatienceWatch(Watch):
    def __init__(self, rule: EarlyStopping, what: Monitored) -> None:
        self.rule = rule
        self.what = what
        self.best = -inf if what.greater_is_better else inf
        self.waited = -1    # the first epoch is the best until another is better
        self.best_params: NDArray[Any] | None = None

    def observe(self, end: EpochEnd) -> str | None:
        name, greater = self.what
        value = end.values[name]
        if isnan(value):
            return f"{name} is NaN in epoch {end.epoch}"
        self.waited += 1
        if not self.waited or (value - self.best if greater else self.best - value) > self.rule.min_delta:
            self.best, self.waited = value, 0
            if self.rule.restore_best:
                self.best_params = end.params.copy()
        if self.waited < self.rule.patience:
            return None
        restored = "; its parameters were restored" if self.rule.restore_best else ""
        plural = "s" * (self.waited > 1)
        best_epoch = end.epoch - self.waited
        where = f"in epoch {best_epoch}" if best_epoch >= 0 else "in an earlier fit"
        return (
            f"{name} has not improved for {self.waited} epoch{plural}: the best, {self.best:.6g}, was {where}{restored}"
        )

    def finish(self, params: NDArray[Any]) -> None:
        if self.best_params is not None:
            params[:] = self.best_params

    def remembered(self) -> Memory:
        return self.what, self.best, self.waited, self.best_params
