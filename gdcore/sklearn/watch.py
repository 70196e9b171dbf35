"""scikit-learn's rule of when a fit has converged, and what a fit records for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, nan
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

from ..training import Callback, EpochEnd, Trainer

SLOWEST = 1e-6
"""An adaptive rate at or below this, in scikit-learn's units, is not divided any more: the fit ends."""
FACTOR = 5.0


@dataclass(frozen=True)
class Patience:
    """When to stop.

    Attributes
    ----------
    tol : float
        An epoch must be better by this much to count as an improvement; -inf: every one counts.
    patience : float
        The fit ends after more than so many epochs in a row without improvement.
    slowest : float
        Divide the rate by 5 instead, as long as it is above this; inf: never.
    """

    tol: float
    patience: float
    slowest: float = inf


@final
@dataclass
class Record:
    """What is counted over the epochs of a fit, and over fits that continue: lists and numbers, no arrays but `params`.

    Attributes
    ----------
    losses, scores : list of float
    best_loss, best_score : float
    count : int
        Epochs in a row without improvement.
    params : ndarray or None
        The parameters of the best score.
    """

    losses: list[float]
    scores: list[float]
    best_loss: float = inf
    best_score: float = -inf
    count: int = 0
    params: NDArray[Any] | None = None

    def see_loss(self, loss: float, tol: float) -> None:
        """Count an epoch by its training loss."""
        self.losses.append(loss)
        self.count = self.count + 1 if loss > self.best_loss - tol else 0
        self.best_loss = min(self.best_loss, loss)

    def see_score(self, loss: float, score: float, params: NDArray[Any], tol: float) -> None:
        """Count an epoch by its validation score; a NaN is never better."""
        self.losses.append(loss)
        self.scores.append(score)
        self.count = self.count + 1 if not score >= self.best_score + tol else 0
        if score > self.best_score or self.params is None:
            self.best_score = max(score, self.best_score) if score == score else self.best_score
            self.params = params.copy()


class SeesOutputs(Protocol):
    """What sees the outputs of a network one by one."""

    def see(self) -> bool:
        """See the end of an epoch; return whether the fit ends."""


@final
class Watch(Callback):
    """Watches the epochs of a fit, stops it, and sets rates that follow from them.

    Parameters
    ----------
    rule : Patience
    record : Record
    trainer : Trainer
    reported : callable
        gdcore's mean loss -> scikit-learn's reported loss, penalties included.
    score : callable or None
        () -> the validation score and the parameters that have it; None: the training loss decides.
    rate : callable or None
        () -> the next epoch's rate in gdcore's units, if it follows from the number of epochs.
    verbose : bool
        Whether to print a line per epoch, as scikit-learn does.

    Attributes
    ----------
    outputs : SeesOutputs or None
        What decides in place of the mean over the outputs, if each of them stops by itself.
    """

    def __init__(
        self,
        rule: Patience,
        record: Record,
        trainer: Trainer,
        *,
        reported: Callable[[float], float],
        score: Callable[[], tuple[float, NDArray[Any]]] | None = None,
        rate: Callable[[], float] | None = None,
        verbose: bool = False,
    ) -> None:
        self.rule, self.record, self.trainer = rule, record, trainer
        self.reported, self.score, self.rate, self.verbose = reported, score, rate, verbose
        self.outputs: SeesOutputs | None = None
        self.epochs = 0
        self.converged = self.has_diverged = False
        self.reason = ""

    def on_epoch_end(self, state: EpochEnd) -> str | None:
        """See an epoch's loss; return why the fit ends, if it does."""
        return self.reason if self.see(state.loss) else None

    def see(self, loss: float) -> bool:
        """See the mean loss of an epoch, in gdcore's units; return whether the fit ends."""
        record, tol = self.record, self.rule.tol
        self.epochs += 1
        ends = None if self.outputs is None else self.outputs.see()
        shown = self.reported(loss)
        if self.verbose:
            print(f"Iteration {self.epochs}, loss = {shown:.8f}")
        if self.score is None:
            record.see_loss(shown, tol)
        else:
            record.see_score(shown, *self.score(), tol)
            if self.verbose:
                print(f"Validation score: {record.scores[-1]:f}")
        if self.rate is not None:
            self.trainer.learning_rate = self.rate()
        if not (self._mean_ends() if ends is None else ends):
            return False
        if self.verbose:
            what = "Training loss" if self.score is None else "Validation score"
            print(
                f"{what} did not improve more than tol={tol:f} for {self.rule.patience} consecutive epochs. Stopping."
            )
        self.converged = True
        self.reason = self._reason()
        return True

    def _mean_ends(self) -> bool:
        """Return whether the mean over the outputs ends the fit, or divide the rate."""
        if self.record.count <= self.rule.patience:
            return False
        if self.trainer.learning_rate <= self.rule.slowest:
            return True
        self.trainer.learning_rate /= FACTOR
        self.record.count = 0
        return False

    def _reason(self) -> str:
        """Return why the fit ends, as a sentence."""
        what = "training loss" if self.score is None else "validation score"
        what = f"the {what}" if self.outputs is None else f"all classes have stopped, the last one when its {what}"
        n = self.record.count if self.outputs is None else int(self.rule.patience) + 1
        long = "1 epoch" if n == 1 else f"{n} epochs in a row"
        said = f"{what} improved by less than tol={self.rule.tol:g} for {long}"
        said = f"{said}, up to epoch {self.epochs - 1}"
        if self.rule.slowest == inf:
            return said
        rate = self.trainer.learning_rate * SLOWEST / self.rule.slowest  # in scikit-learn's units
        return f"{said}, and the learning rate is down to {rate:.3g}"

    def diverged(self) -> bool:
        """Note that an epoch could not be finished; return whether a validation score has kept parameters before it."""
        if self.score is None or self.record.params is None:
            return False
        self.has_diverged = True
        self.epochs += 1
        self.record.losses.append(nan)
        self.record.scores.append(nan)
        return True


def penalty(views: list[NDArray[Any]], l1: float, l2: float) -> float:
    """Return l1 sum |w| + l2/2 sum w^2 over the weights."""
    squares = sum(float(np.vdot(view, view)) for view in views) if l2 else 0.0
    sizes = sum(float(np.abs(view).sum(dtype=np.float64)) for view in views) if l1 else 0.0
    return l1 * sizes + 0.5 * l2 * squares
