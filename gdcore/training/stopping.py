"""Criteria that end a fit: frozen rules, each with a watch that holds what changes.

To add one: a frozen dataclass whose `start` returns a watch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from .. import checks
from .._repr import call_repr


@dataclass(frozen=True)
class EpochEnd:
    """What a watch sees at the end of an epoch.

    Attributes
    ----------
    epoch : int
        Counted from 0 within this fit.
    loss, val_loss : float
        As in `History`; `val_loss` is NaN without validation data.
    params : ndarray, shape (n_params,)
        The model's own vector.
    gradient : callable
        () -> the gradient over all training data, penalties included, dropout left out.
    """

    epoch: int
    loss: float
    val_loss: float
    params: NDArray[Any]
    gradient: Callable[[], NDArray[Any]]


class Watch(ABC):
    """One criterion at work in one fit."""

    @abstractmethod
    def observe(self, end: EpochEnd) -> str | None:
        """The reason to stop, as a sentence, or None."""

    @abstractmethod
    def finish(self, params: NDArray[Any]) -> None:
        """The fit has ended: leave the parameters as the criterion wants them."""


class StoppingCriterion(ABC):
    """What every criterion offers; each one is a frozen dataclass."""

    @abstractmethod
    def start(self, validates: bool) -> Watch:
        """A watch for a fit that begins now, with or without validation data."""

    def __repr__(self) -> str:
        return call_repr(self)  # type: ignore[arg-type]  # each criterion is a dataclass


def criteria(stop: StoppingCriterion | Iterable[StoppingCriterion]) -> tuple[StoppingCriterion, ...]:
    """One criterion or several, as a tuple."""
    several = tuple(stop) if isinstance(stop, Iterable) else (stop,)
    for rule in several:
        if not isinstance(rule, StoppingCriterion):
            received = f"the class {rule.__name__}" if isinstance(rule, type) else repr(rule)
            raise TypeError(f"stop must hold criteria such as EarlyStopping(patience=5), got {received}")
    return several


@final
@dataclass(frozen=True, repr=False)
class EarlyStopping(StoppingCriterion):
    """Stops when the loss has not improved for `patience` epochs.

    Epochs count from 0 within the fit. The training loss of an epoch is measured before its updates, so its best
    epoch is only nearly that of the parameters. After an exception (DivergedError, Ctrl-C) nothing is restored.

    Parameters
    ----------
    patience : int, default 10
        Epochs without improvement that are tolerated; >= 1.
    min_delta : float, default 0.0
        What counts as improvement, in the loss's units.
    restore_best : bool, default True
        Whether the parameters of the best epoch come back, at whatever epoch the fit ends.
    monitor : {"auto", "loss", "val_loss"}, default "auto"
        "auto" is the validation loss where there is validation data, else the training loss.

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
    monitor: Literal["auto", "loss", "val_loss"] = "auto"

    def __post_init__(self) -> None:
        checks.integer("patience", self.patience, 1)
        checks.nonnegative("min_delta", self.min_delta)
        checks.boolean("restore_best", self.restore_best)
        name = checks.known_name("monitor", self.monitor, ["auto", "loss", "val_loss"])
        object.__setattr__(self, "monitor", name)

    def start(self, validates: bool) -> Watch:
        if self.monitor == "val_loss" and not validates:
            raise ValueError("EarlyStopping(monitor='val_loss') needs validation data: pass validation_data=(X, y)")
        return _PatienceWatch(self, "loss" if self.monitor == "loss" or not validates else "val_loss")


@final
class _PatienceWatch(Watch):
    def __init__(self, rule: EarlyStopping, monitor: Literal["loss", "val_loss"]) -> None:
        self.rule = rule
        self.monitor = monitor
        self.best = np.inf
        self.best_epoch = 0
        self.best_params: NDArray[Any] | None = None

    def observe(self, end: EpochEnd) -> str | None:
        value = end.loss if self.monitor == "loss" else end.val_loss
        if np.isnan(value):
            return f"{self.monitor} is NaN in epoch {end.epoch}"
        if value < self.best - self.rule.min_delta:
            self.best, self.best_epoch = value, end.epoch
            if self.rule.restore_best:
                self.best_params = end.params.copy()
        waited = end.epoch - self.best_epoch
        if waited < self.rule.patience:
            return None
        restored = "; its parameters were restored" if self.rule.restore_best else ""
        return (
            f"{self.monitor} has not improved for {waited} epochs: the best, {self.best:.6g}, "
            f"was in epoch {self.best_epoch}{restored}"
        )

    def finish(self, params: NDArray[Any]) -> None:
        if self.best_params is not None:
            params[:] = self.best_params


@final
@dataclass(frozen=True, repr=False)
class GradientNormThreshold(StoppingCriterion):
    """Stops when the norm of the full gradient is below a threshold.

    The gradient is that of the loss over all training data, penalties included, at the end of the epoch:
    one more forward and backward pass over the data per epoch.

    Parameters
    ----------
    threshold : float
        > 0, in the loss's units over the parameters'.

    Examples
    --------
    >>> GradientNormThreshold(1e-6)
    GradientNormThreshold(1e-06)
    """

    threshold: float

    def __post_init__(self) -> None:
        checks.positive("threshold", self.threshold)

    def start(self, validates: bool) -> Watch:
        return _GradientWatch(self.threshold)


@final
class _GradientWatch(Watch):
    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def observe(self, end: EpochEnd) -> str | None:
        norm = float(np.linalg.norm(end.gradient().astype(np.float64)))
        if norm >= self.threshold:
            return None
        return f"the gradient's norm, {norm:.3g}, is below {self.threshold:g}: converged"

    def finish(self, params: NDArray[Any]) -> None:
        pass
