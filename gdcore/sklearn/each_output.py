"""Classes that stop one by one, while all are trained together.

Design
------
- scikit-learn fits a linear model for each class, and each fit ends by itself. Here a step trains all of them. Each
  one has its own count of epochs without improvement, and from the epoch on in which it would have ended it keeps its
  coefficients: after each epoch they are put back. The fit ends when all have stopped.
- The objective of an epoch is scikit-learn's: the mean over its steps of loss and penalty, both before the step, and
  without sample weights. The penalty before each step is known for L2 and steps of one row; otherwise the mean of
  that before and after the epoch stands for it.
- With `average`, the coefficients that answer are those of another network, and are kept and put back there too.
- Under L1 the optimizer goes on counting what each coefficient has received of the penalty, from steps that are taken
  back. After the fit, coefficients that were kept owe nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from ..losses import Loss
from ..models import Sequential
from ..optimizers import SGD
from ..training import Trainer
from ..training.fit_options import spread_here
from .network import weights_of
from .watch import Patience

Columns = dict[int, list[NDArray[Any]]]
"""Weights and biases of some outputs, by their numbers."""


def put_back(net: Sequential, kept: Columns) -> None:
    """Give some outputs of a linear model the parameters that were kept of them."""
    _put(_views(net), kept)


def _put(views: list[NDArray[Any]], kept: Columns) -> None:
    for output, parts in kept.items():
        for view, part in zip(views, parts, strict=True):
            view[..., output] = part


def _views(net: Sequential) -> list[NDArray[Any]]:
    return [view for _, view in net.stack.views()]


def _column(views: list[NDArray[Any]], output: int) -> list[NDArray[Any]]:
    return [view[..., output].copy() for view in views]


def has_values(loss: Any) -> bool:
    """Return whether the kernels compute a loss, and a value of it for each output: not where ranks share out a fit."""
    return isinstance(loss, Loss) and not loss.whole_rows and spread_here() is None


class Units(NamedTuple):
    """What makes an objective of an output's mean loss: a factor, and the penalties."""

    factor: float
    l1: float
    l2: float


@final
class Objectives:
    """The objective of each output over the last epoch, in scikit-learn's units."""

    def __init__(self, trainer: Trainer, units: Units) -> None:
        self.units, self.sums = units, trainer.sum_outputs()
        self.weights = weights_of(trainer.model)[0]
        self.follows = not units.l1 and trainer.batch_size == 1
        self.before = self._penalties()

    def __call__(self) -> NDArray[np.float64]:
        """Return the objectives (k,)."""
        factor, _, l2 = self.units
        if self.follows:
            return factor * self.sums.losses + 0.5 * l2 * self.sums.squares
        before, self.before = self.before, self._penalties()
        return factor * self.sums.losses + 0.5 * (before + self.before)

    def _penalties(self) -> NDArray[np.float64]:
        _, l1, l2 = self.units
        found = np.zeros(self.weights.shape[1])
        if l2:
            found += 0.5 * l2 * np.einsum("ij,ij->j", self.weights, self.weights)
        return found + l1 * np.abs(self.weights).sum(0) if l1 else found


@final
class EachOutput:
    """Decides for each output when it has stopped.

    Parameters
    ----------
    rule : Patience
    trainer : Trainer
    values : callable
        () -> an epoch's objective of each output (k,), or its score times -1; smaller is better.
    of_answers : bool
        Whether values are those of the parameters after the epoch, so that what has stopped is put back before.
    answers : Sequential
        The network that answers.
    update : callable
        () -> None, brings the network that answers up to date.
    kept : dict
        To be filled with the columns of the network that answers.
    """

    def __init__(
        self,
        rule: Patience,
        trainer: Trainer,
        values: Callable[[], NDArray[np.float64]],
        *,
        of_answers: bool,
        answers: Sequential,
        update: Callable[[], None],
        kept: Columns,
    ) -> None:
        self.rule, self.trainer, self.values, self.of_answers = rule, trainer, values, of_answers
        self.answers, self.update, self.kept = answers, update, kept
        self.trained: Columns = kept if answers is trainer.model else {}
        self.views, self.answering = _views(trainer.model), _views(answers)
        self.counts = np.zeros(answers.out_features, np.int64)
        self.best = np.full(answers.out_features, np.inf)

    def see(self) -> bool:
        """See the end of an epoch; return whether all outputs have stopped."""
        with np.errstate(over="ignore", invalid="ignore"):
            values = None if self.of_answers else self.values()
            self.put_back()
            values = self.values() if values is None else values
            better = values <= self.best - self.rule.tol  # not so if a value is NaN
        self.best = np.fmin(self.best, values)
        self.counts = np.where(better, 0, self.counts + 1)
        stopped = [int(j) for j in np.flatnonzero(self.counts > self.rule.patience) if j not in self.kept]
        if stopped:
            self.update()
        for j in stopped:
            self.trained[j] = _column(self.views, j)
            self.kept[j] = _column(self.answering, j)
        return len(self.kept) == len(self.counts)

    def put_back(self) -> None:
        """Give the outputs that have stopped their parameters back."""
        _put(self.views, self.trained)

    def finish(self) -> None:
        """Give them back for good, after a fit: in the trainer's state too, from which training goes on."""
        self.put_back()
        optimizer, averages = self.trainer.optimizer, self.answers is not self.trainer.model
        cumulates = isinstance(optimizer, SGD) and optimizer.cumulative_l1
        if not self.kept or not (averages or cumulates):
            return
        state = self.trainer.state_dict()
        for part, (block, _) in enumerate(self.answers.stack.views()):
            for output in self.kept:
                if averages:
                    state["averaged"][block.place].reshape(block.shape)[..., output] = self.kept[output][part]
                if cumulates and block.kind == "weight":
                    received = state["optimizer"]["slots"][0, block.place].reshape(block.shape)
                    received[:, output] = _paid(
                        self.trained[output][part], received[:, output], state["optimizer"]["scalars"][0]
                    )
        self.trainer.load_state_dict(state)


def _paid(weights: NDArray[Any], received: NDArray[Any], rate_sum: float) -> NDArray[Any]:
    """Return what weights have received of a cumulative penalty over l1, as of now: those that are not 0, all of it."""
    found: NDArray[Any] = np.where(weights == 0, received, -np.sign(weights) * rate_sum)
    return found
