"""Stopping at a given loss, gradient norm, relative change or time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, final

from numpy.typing import NDArray

from ...base import checks
from .. import saved_checks
from ..epoch_end import EpochEnd, Mode, Monitored, Monitors, monitored, norm
from .base import CriterionState, Memory, Memoryless, StoppingCriterion


@final
@dataclass(frozen=True, repr=False)
class LossThreshold(StoppingCriterion):
    """Stops when the loss, or a metric, has reached a value; NaN never does.

    Parameters
    ----------
    threshold : float
    monitor : str, default "loss"
        "loss", "val_loss", a metric of the fit such as "val_accuracy", or "auto": val_loss if there is one.
    mode : {"auto", "min", "max"}, default "auto"
        Whether the value must be <= threshold or >= threshold; "auto" knows it for losses and built-in metrics.

    Examples
    --------
    >>> LossThreshold(0.99, monitor="val_accuracy")
    LossThreshold(0.99, monitor='val_accuracy')
    """

    name = "loss_threshold"

    threshold: float
    monitor: str = "loss"
    mode: Mode = "auto"

    def __post_init__(self) -> None:
        checks.finite("threshold", self.threshold)
        checks.text("monitor", self.monitor)
        checks.one_of("mode", self.mode, ("auto", "min", "max"))

    def start(self, monitors: Monitors, remembered: Memory = ()) -> CriterionState:
        what = monitored(self, self.monitor, self.mode, monitors)
        return Memoryless(lambda end: self._reason(end, what))

    def _reason(self, end: EpochEnd, what: Monitored) -> str | None:
        value = end.values[what.name]
        if value >= self.threshold if what.greater_is_better else value <= self.threshold:
            return f"{what.name}, {value:.6g}, has reached {self.threshold:g} in epoch {end.epoch}"
        return None


@final
@dataclass(frozen=True, repr=False)
class GradientNormThreshold(StoppingCriterion):
    """Stops when the gradient's norm is below a threshold.

    Parameters
    ----------
    threshold : float
        > 0, in units of the loss divided by those of the parameters.
    of : {"full", "epoch"}, default "full"
        "full" is the gradient over all training data at the end of the epoch, with penalties; it costs a forward and
        backward pass over the data per epoch. "epoch" is the mean of the gradients of the epoch's steps, each for its
        own parameters and batch, with penalties, before clipping; it costs a pass over the parameters per step, and may
        change the rounding of a large layer's parameters by an ulp. The two are close while steps are small.

    Examples
    --------
    >>> GradientNormThreshold(1e-6)
    GradientNormThreshold(1e-06, of='full')
    """

    name = "gradient_norm_threshold"
    labelled = ("of",)

    threshold: float
    of: Literal["full", "epoch"] = "full"

    def __post_init__(self) -> None:
        checks.positive("threshold", self.threshold)
        checks.one_of("of", self.of, ("full", "epoch"))

    def start(self, monitors: Monitors, remembered: Memory = ()) -> CriterionState:
        return Memoryless(self._reason)

    def sums_gradients(self) -> bool:
        return self.of == "epoch"

    def _reason(self, end: EpochEnd) -> str | None:
        whole = self.of == "full"
        size = end.full_gradient_norm() if whole else norm(end.mean_gradient())
        if not size < self.threshold:
            return None
        which = "the full gradient" if whole else "the epoch's mean gradient"
        return f"the norm of {which}, {size:.3g}, is below {self.threshold:g}: converged"


@final
@dataclass(frozen=True, repr=False)
class RelativeChange(StoppingCriterion):
    """Stops when a value changes by less than a given share of itself in several epochs in a row.

    The change is |new - old| / max(|new|, |old|), or 0 if both are 0. A NaN interrupts the row. If training or
    validation data have changed since the last fit, the row starts anew.

    Parameters
    ----------
    tol : float
        The share; > 0.
    n_epochs : int, default 1
        Number of epochs in a row; >= 1.
    monitor : str, default "loss"
        "loss", "val_loss", a metric of the fit, or "auto": val_loss if there is one.

    Examples
    --------
    >>> RelativeChange(1e-4, 5)
    RelativeChange(0.0001, n_epochs=5)
    """

    name = "relative_change"

    tol: float
    n_epochs: int = 1
    monitor: str = "loss"

    def __post_init__(self) -> None:
        checks.positive("tol", self.tol)
        checks.integer("n_epochs", self.n_epochs, 1)
        checks.text("monitor", self.monitor)

    def start(self, monitors: Monitors, remembered: Memory = ()) -> CriterionState:
        state = _Change(self, monitored(self, self.monitor, "min", monitors).name)
        if remembered and remembered[0] == state.name:
            _, state.last, state.calm = remembered
        return state

    def check_memory(self, memory: Memory, n_params: int, dtype: str) -> None:
        name, last, calm = memory
        checks.text("the name of a watched value", name)
        if last is not None and not saved_checks.is_nan(last):
            saved_checks.saved_value("the last value of a criterion", last)
        checks.integer("the calm epochs of a criterion", calm, 0, 2**62)


@final
class _Change(CriterionState):
    def __init__(self, rule: RelativeChange, name: str) -> None:
        self.rule = rule
        self.name = name
        self.last: float | None = None
        self.calm = 0

    def observe(self, end: EpochEnd) -> str | None:
        value, last = end.values[self.name], self.last
        self.last = value
        if last is None:
            return None
        still = abs(value - last) < self.rule.tol * max(abs(value), abs(last)) or value == last
        self.calm = self.calm + 1 if still else 0
        if self.calm < self.rule.n_epochs:
            return None
        plural = "s" * (self.calm > 1)
        return f"{self.name} has changed by less than {self.rule.tol:g} of itself in {self.calm} epoch{plural} in a row"

    def finish(self, params: NDArray[Any]) -> None:
        pass

    def remembered(self) -> Memory:
        return self.name, self.last, self.calm


@final
@dataclass(frozen=True, repr=False)
class TimeLimit(StoppingCriterion):
    """Stops after the first epoch that ends later than `seconds` after the start.

    A fit with `resume=True` goes on from the checkpoint of one that it has stopped, and has the whole time again.

    Parameters
    ----------
    seconds : float
        Time since the fit began; > 0.

    Examples
    --------
    >>> TimeLimit(60)
    TimeLimit(60)
    """

    name = "time_limit"
    ends_for_good = False

    seconds: float

    def __post_init__(self) -> None:
        checks.positive("seconds", self.seconds)

    def start(self, monitors: Monitors, remembered: Memory = ()) -> CriterionState:
        return Memoryless(self._reason)

    def _reason(self, end: EpochEnd) -> str | None:
        if end.seconds < self.seconds:
            return None
        return f"the time limit of {self.seconds:g} s was reached after {end.seconds:.3g} s, in epoch {end.epoch}"
