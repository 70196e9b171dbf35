"""A rate that is reduced when a loss stops falling.

Design
------
The record is a function like the others: of the number of plateaus met so far. How many those are follows from the
losses, epoch by epoch; `observe` takes a state to the next one, and the trainer keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, isnan
from typing import ClassVar, Literal, NamedTuple, final

from ..base import checks
from .base import Schedule


class PlateauState(NamedTuple):
    """What a fit remembers for a `ReduceOnPlateau`."""

    best: float | None = None
    """The best value so far, None before the first."""
    waited: int = 0
    """Number of epochs without improvement."""
    cooling: int = 0
    """Number of cooldown epochs left."""
    plateaus: int = 0
    """Number of plateaus met, which decides the rate."""


@final
@dataclass(frozen=True, repr=False)
class ReduceOnPlateau(Schedule):
    """Multiplies the rate by `factor` when a value has not improved for more than `patience` epochs.

    PyTorch's ReduceLROnPlateau with `eps=0`, except that a relative threshold is a share of the best value's size, so
    that negative values can be watched.

    `fit` observes the value at the end of each epoch, `minimize` that of the function at each step. `Trainer.step` and
    `Trainer.epoch` observe nothing, so the rate stays. If training or validation data have changed in a later fit of
    the same trainer, the count and the best value start anew, at the rate reached. NaN counts as an epoch without
    improvement, and is never the best value.

    Parameters
    ----------
    learning_rate : float
        Rate of the first epochs.
    factor : float, default 0.1
        Factor of each reduction, in (0, 1).
    patience : int, default 10
        The rate is reduced after more than this many epochs without improvement.
    threshold : float, default 1e-4
        A value must be better by more than this to count as an improvement.
    threshold_mode : {"rel", "abs"}, default "rel"
        Whether `threshold` is a share of the best value or in the value's own units.
    cooldown : int, default 0
        Number of epochs after a reduction that are not counted.
    min_rate : float, default 0.0
        Lower limit of the rate.
    monitor : str, default "auto"
        "auto" is the validation loss if there is one, else the training loss. Otherwise "loss", "val_loss", or a metric
        of the fit, such as "val_accuracy".
    mode : {"auto", "min", "max"}, default "auto"
        Whether smaller or greater is better; "auto" knows the direction for losses and built-in metrics.

    Examples
    --------
    >>> schedule = ReduceOnPlateau(0.5, patience=3)
    >>> [schedule(plateaus) for plateaus in (0, 1)]
    [0.5, 0.05]
    """

    name = "reduce_on_plateau"

    per: ClassVar[Literal["plateau"]] = "plateau"

    learning_rate: float
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    threshold_mode: Literal["rel", "abs"] = "rel"
    cooldown: int = 0
    min_rate: float = 0.0
    monitor: str = "auto"
    mode: Literal["auto", "min", "max"] = "auto"

    def __post_init__(self) -> None:
        checks.positive("learning_rate", self.learning_rate)
        checks.inside("factor", self.factor, 0, 1)
        checks.integer("patience", self.patience, 0)
        checks.nonnegative("threshold", self.threshold)
        checks.one_of("threshold_mode", self.threshold_mode, ("rel", "abs"))
        checks.integer("cooldown", self.cooldown, 0)
        checks.between("min_rate", self.min_rate, 0, self.learning_rate)
        checks.text("monitor", self.monitor)
        checks.one_of("mode", self.mode, ("auto", "min", "max"))

    def formula(self, step: int) -> float:
        return float(max(self.learning_rate * self.factor**step, self.min_rate))

    def observe(self, state: PlateauState, value: float, greater_is_better: bool = False) -> PlateauState:
        """Return the state after an epoch that ended with this value.

        Parameters
        ----------
        state : PlateauState
            `PlateauState()` before the first epoch.
        value : float
        greater_is_better : bool, default False

        Returns
        -------
        PlateauState
        """
        best = state.best
        waited = state.waited + 1
        if not isnan(value) and (best is None or self._improves(value, best, greater_is_better)):
            best, waited = value, 0
        cooling = state.cooling
        if cooling > 0:
            cooling, waited = cooling - 1, 0
        if waited > self.patience:
            return PlateauState(best, 0, self.cooldown, state.plateaus + 1)
        return PlateauState(best, waited, cooling, state.plateaus)

    def _improves(self, value: float, best: float, greater_is_better: bool) -> bool:
        sign = 1 if greater_is_better else -1
        margin = self.threshold * (abs(best) if self.threshold_mode == "rel" and isfinite(best) else 1.0)
        return sign * value > sign * best + margin

    def horizon(self) -> int:
        return 5
