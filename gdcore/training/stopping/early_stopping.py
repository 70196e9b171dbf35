"""Stopping when a value no longer improves."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan
from typing import Any, NamedTuple, final

from numpy.typing import NDArray

from ...base import checks
from .. import saved_checks
from ..epoch_end import EpochEnd, Mode, Monitored, Monitors, When, monitored
from .base import CriterionState, Memory, StoppingCriterion


@final
@dataclass(frozen=True, repr=False)
class EarlyStopping(StoppingCriterion):
    """Stops when the loss, or a metric, has not improved for `patience` epochs.

    Calling `fit` of the same trainer again, with an equal criterion and the same training and validation data,
    continues the patience count and the training, not the restored parameters. If this criterion ended the last fit,
    the count starts anew and training resumes from the restored parameters. On other data the count starts anew. Epochs
    are counted from 0 within each fit. A NaN ends the fit at once and is never the best value. After an exception
    (DivergedError, Ctrl-C) nothing is restored, and the next fit continues the count.

    Parameters
    ----------
    patience : int, default 10
        The fit ends after this many epochs without improvement; >= 1.
    min_delta : float, default 0.0
        A value must be better by more than this to count as an improvement. The best value is restored in any case.
    restore_best : bool, default True
        Whether to restore the parameters of the best value, at whatever epoch the fit ends. See Notes.
    monitor : str, default "auto"
        "auto" is the validation loss if there is validation data, else the training loss. Otherwise "loss", "val_loss",
        or a metric of the fit, such as "val_accuracy".
    mode : {"auto", "min", "max"}, default "auto"
        Whether smaller or greater is better; "auto" knows the direction for losses and built-in metrics.

    Notes
    -----
    Metrics and the validation loss are measured after the epoch, so the parameters after it are restored (or their
    average, if validation measures that). The training loss is measured during the epoch, each batch before its step.
    If the epoch has one step, it is the loss of the parameters before the step, and those are restored. If it has
    several, it is a mean over changing parameters; those after the epoch are restored, and `stop_reason` says so.

    References
    ----------
    Prechelt, L. (1998). Early stopping - but when? Neural Networks: Tricks of the Trade.

    Examples
    --------
    >>> EarlyStopping(patience=5)
    EarlyStopping(patience=5)
    """

    name = "early_stopping"

    patience: int = 10
    min_delta: float = 0.0
    restore_best: bool = True
    monitor: str = "auto"
    mode: Mode = "auto"

    def __post_init__(self) -> None:
        checks.integer("patience", self.patience, 1)
        checks.nonnegative("min_delta", self.min_delta)
        checks.boolean("restore_best", self.restore_best)
        checks.text("monitor", self.monitor)
        checks.one_of("mode", self.mode, ("auto", "min", "max"))

    def start(self, monitors: Monitors, remembered: Memory = ()) -> CriterionState:
        state = _Patience(self, monitored(self, self.monitor, self.mode, monitors))
        if remembered and Monitored(*remembered[0]) == state.what:
            _, state.reference, state.waited, state.age, best = remembered
            state.best = None if best is None else Best(*best)
        return state

    def brings_back_the_start(self, monitors: Monitors) -> bool:
        return self.restore_best and monitored(self, self.monitor, self.mode, monitors).name == "loss"

    def check_memory(self, memory: Memory, n_params: int, dtype: str) -> None:
        what, reference, waited, age, best = memory
        saved_checks.saved_monitor(what)
        saved_checks.saved_value("the reference of a criterion", reference)
        checks.integer("the epochs a criterion has waited", waited, -1, 2**62)
        checks.integer("the age of the best value", age, 0, 2**62)
        if best is None:
            return
        value, when, params = saved_checks.saved_tuple("the best value of a criterion", best, 3)
        saved_checks.saved_value("the best value of a criterion", value)
        checks.one_of("when the best value was measured", when, ("before", "during", "after"))
        if params is not None:
            saved_checks.saved_vector("the best parameters", params, n_params, dtype)


class Best(NamedTuple):
    """The best value seen."""

    value: float
    when: When
    params: NDArray[Any] | None
    """None if they are not to be restored."""


TAILS: dict[When, str] = {
    "after": "; its parameters were restored",
    "before": "; the parameters before that epoch's step, whose loss it is, were restored",
    "during": ", as the mean over its steps, each before its update; the parameters after that epoch were restored",
}


@final
class _Patience(CriterionState):
    def __init__(self, rule: EarlyStopping, what: Monitored) -> None:
        self.rule = rule
        self.what = what
        self.reference = -inf if what.greater_is_better else inf  # the value that an improvement must pass
        self.waited = -1  # the first epoch is the best until another is better
        self.age = 0  # epochs since the best value
        self.best: Best | None = None

    def observe(self, end: EpochEnd) -> str | None:
        name, greater = self.what
        value = end.values[name]
        self.age += 1
        if isnan(value):
            return f"{name} is NaN in epoch {end.epoch}{'' if self.best is None else self._told(end, self.best)}"
        self.waited += 1
        sign = 1 if greater else -1
        if not self.waited or sign * (value - self.reference) > self.rule.min_delta:
            self.reference, self.waited = value, 0
        if self.best is None or sign * value > sign * self.best.value:
            found = end.measured(name)
            params = found.params if found.when == "before" else found.params.copy()  # "before" is a copy already
            self.age, self.best = 0, Best(value, found.when, params if self.rule.restore_best else None)
        if self.waited < self.rule.patience:
            return None
        margin = f" by more than {self.rule.min_delta:g}" * (self.rule.min_delta > 0)
        plural = "s" * (self.waited > 1)
        return f"{name} has not improved{margin} for {self.waited} epoch{plural}{self._told(end, self.best)}"

    def _told(self, end: EpochEnd, best: Best) -> str:
        """Return the end of the stop reason: the best value, and whether its parameters were restored."""
        epoch = end.epoch - self.age
        where = f"in epoch {epoch}" if epoch >= 0 else "in an earlier fit"
        return f": the best, {best.value:.6g}, was {where}{'' if best.params is None else TAILS[best.when]}"

    def finish(self, params: NDArray[Any]) -> None:
        if self.best is not None and self.best.params is not None:
            params[:] = self.best.params

    def remembered(self) -> Memory:
        return self.what, self.reference, self.waited, self.age, self.best
