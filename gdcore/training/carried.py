"""What a trainer carries from one fit to the next beside parameters, optimizer and counters, and who uses it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from .epoch_end import EpochEnd, Monitors
from .stopping import Memory, StoppingCriterion, Watch

if TYPE_CHECKING:
    from .trainer import Trainer


@final
@dataclass
class Carried:
    """What the last fit has left.

    Attributes
    ----------
    criteria : list of (StoppingCriterion, Memory)
        Those that watched and did not stop it, with what they had seen.
    reached, shown : ndarray or None, shape (n_params,)
        Where a criterion left other parameters at the end than training had come to: the latter, and the former.
    gradient_sum : ndarray or None, shape (n_params,), float64
        Of the steps of the epoch under way, where a criterion asks for their mean.
    unsummed : int
        Steps at the epoch's beginning that are not in it.
    """

    criteria: list[tuple[StoppingCriterion, Memory]] = field(default_factory=list)
    reached: NDArray[Any] | None = None
    shown: NDArray[Any] | None = None
    gradient_sum: NDArray[np.float64] | None = None
    unsummed: int = 0


@final
class Watching:
    """The criteria of one fit at work; each goes on where an equal one was when the fit before it ended."""

    def __init__(self, rules: tuple[StoppingCriterion, ...], monitors: Monitors, carried: Carried) -> None:
        self.rules, self.carried = rules, carried
        self.watches: list[Watch] = []
        self.stopped: set[int] = set()
        for rule in rules:
            seen = (memory for other, memory in carried.criteria if type(other) is type(rule) and other == rule)
            self.watches.append(rule.start(monitors, next(seen, ())))

    def begin(self, params: NDArray[Any]) -> None:
        """Put back the parameters that training had come to, unless somebody has written others since."""
        carried = self.carried
        if carried.reached is not None and carried.shown is not None and np.array_equal(params, carried.shown):
            params[:] = carried.reached
        carried.reached = carried.shown = None

    def observe(self, end: EpochEnd) -> list[str]:
        """The reasons to stop."""
        reasons = []
        for i, watch in enumerate(self.watches):
            if reason := watch.observe(end):
                reasons.append(reason)
                self.stopped.add(i)
        return reasons

    def remember(self) -> None:
        """Leave to the next fit what the criteria have seen, those that have stopped this one left out."""
        self.carried.criteria = [
            (rule, memory)
            for i, (rule, watch) in enumerate(zip(self.rules, self.watches, strict=True))
            if i not in self.stopped and (memory := watch.remembered())
        ]

    def finish(self, params: NDArray[Any]) -> None:
        """Leave the parameters as the criteria want them; from those of one that ended the fit, training goes on."""
        if not self.watches:
            return
        for i in self.stopped:
            self.watches[i].finish(params)
        reached = params.copy()
        for i in set(range(len(self.watches))) - self.stopped:
            self.watches[i].finish(params)
        if not np.array_equal(params, reached):
            self.carried.reached, self.carried.shown = reached, params.copy()


@final
class GradientMean:
    """The mean of the gradients that an epoch's steps take, summed by the kernels in one fit, where it is wanted."""

    def __init__(self, trainer: Trainer, wanted: bool) -> None:
        self.trainer, self.wanted = trainer, wanted

    def begin_fit(self) -> None:
        """A sum that is not gone on with is worth nothing later."""
        if not self.wanted:
            self.trainer._carried.gradient_sum = None

    def begin_epoch(self, begun: int) -> None:
        """Sum from here, so many steps of the epoch having been made."""
        if not self.wanted:
            return
        carried = self.trainer._carried
        if carried.gradient_sum is None or not begun:
            carried.gradient_sum, carried.unsummed = np.zeros(self.trainer.model.n_params), begun
        self.trainer._run.sum_gradients(carried.gradient_sum)

    def end(self) -> None:
        """No more sums: the fit is over."""
        self.trainer._run.sum_gradients(None)

    def of(self, steps: int) -> NDArray[Any]:
        """Shape (n_params,), after so many steps of the epoch."""
        carried = self.trainer._carried
        if carried.gradient_sum is None:
            raise RuntimeError("the mean gradient was not announced by sums_gradients")
        return carried.gradient_sum / (steps - carried.unsummed)
