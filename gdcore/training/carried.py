"""What a trainer carries from one fit to the next beside parameters, optimizer and counters, and who uses it.

Design
------
`Carried` is replaced whole, in one assignment, where an epoch's end has been seen by all: plateau, criteria and the
count of epochs seen belong together whatever interrupts the fit. What an interrupted fit has begun and not committed is
done again by the next one, from what stands here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from ..schedules import PlateauState
from .epoch import steps_begun
from .epoch_end import EpochEnd, Monitors
from .fingerprint import Fingerprint
from .stopping.base import Memory, StoppingCriterion, Watch

if TYPE_CHECKING:
    from .trainer import Trainer

Memories = tuple[tuple[StoppingCriterion, Memory], ...]


class GradientSum(NamedTuple):
    """Of the steps of the epoch under way, where a criterion asks for their mean."""

    total: NDArray[np.float64]
    """Shape (n_params,); the kernels add to it."""
    unsummed: int
    """Steps at the epoch's beginning that are not in it."""


class Carried(NamedTuple):
    """What the last fit has left, or the one that is running would leave."""

    criteria: Memories = ()
    """Those that watched and did not stop it, with what they had seen."""
    plateau: PlateauState = PlateauState()
    """Of a `ReduceOnPlateau`."""
    data: Fingerprint | None = None
    """What criteria and plateau have seen the losses of; None where there are neither."""
    seen: int = -1
    """The trainer's `epochs_done` when a fit saw the end of an epoch last, or began; -1 where training went on by hand.
    One more, and the epoch's steps all made: its end has still to be seen."""
    before: NDArray[Any] | None = None
    """The parameters before an epoch of one step, where a criterion may bring them back."""
    reached: NDArray[Any] | None = None
    """Where training had come to, where a criterion has left other parameters in the model at the end ..."""
    shown: NDArray[Any] | None = None
    """... and those."""
    gradients: GradientSum | None = None


@final
class Watching:
    """The criteria of one fit at work; each goes on where an equal one was, if it has seen these data."""

    def __init__(self, rules: tuple[StoppingCriterion, ...], monitors: Monitors, before: Memories) -> None:
        self.rules = rules
        self.watches: list[Watch] = []
        self.stopped: set[int] = set()
        for rule in rules:
            seen = (memory for other, memory in before if type(other) is type(rule) and other == rule)
            self.watches.append(rule.start(monitors, next(seen, ())))

    def observe(self, end: EpochEnd) -> list[str]:
        """The reasons to stop."""
        reasons = []
        for i, watch in enumerate(self.watches):
            if reason := watch.observe(end):
                reasons.append(reason)
                self.stopped.add(i)
        return reasons

    def memories(self) -> Memories:
        """What the next fit is to know, those that have stopped this one left out."""
        found = []
        for i, watch in enumerate(self.watches):
            if i not in self.stopped and (memory := watch.remembered()):
                found.append((self.rules[i], memory))
        return tuple(found)

    def finished(self, params: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Where training goes on from, and what the model shows: with those that stopped the fit done, and with all."""
        reached = params.copy()
        for i in self.stopped:
            self.watches[i].finish(reached)
        shown = reached.copy()
        for i in set(range(len(self.watches))) - self.stopped:
            self.watches[i].finish(shown)
        return reached, shown


@final
class GradientMean:
    """The mean of the gradients that an epoch's steps take, summed by the kernels in one fit, where it is wanted."""

    def __init__(self, trainer: Trainer, wanted: bool) -> None:
        self.trainer, self.wanted = trainer, wanted

    def begin_epoch(self, n: int) -> NDArray[np.float64] | None:
        """Where to sum from here on, in the epoch over n samples that begins or goes on."""
        if not self.wanted:
            return None
        carried, begun = self.trainer._carried, steps_begun(self.trainer, n)
        gradients = carried.gradients
        if gradients is None or not begun:
            gradients = GradientSum(np.zeros(self.trainer.stack.n_params), begun)
            self.trainer._carried = carried._replace(gradients=gradients)
        return gradients.total

    def of(self, steps: int) -> NDArray[Any]:
        """Shape (n_params,), after so many steps of the epoch."""
        gradients = self.trainer._carried.gradients
        if gradients is None or not self.wanted:
            raise RuntimeError("the mean gradient was not announced by sums_gradients")
        return gradients.total / (steps - gradients.unsummed)
