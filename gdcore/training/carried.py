"""What a trainer remembers from one fit to the next, beside parameters, optimizer state and counters.

Design
------
`Carried` is replaced as a whole, in one assignment, once criteria and plateau have seen an epoch's end. So they and the
count of epochs stay consistent whatever interrupts the fit. Work that an interrupted fit has begun but not committed is
repeated by the next one from the state recorded here.
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
    """Sum of the gradients of the current epoch's steps, kept if a criterion needs their mean."""

    total: NDArray[np.float64]
    """Shape (n_params,); the kernels add to it."""
    unsummed: int
    """Number of the epoch's first steps that are not in the sum."""


class Carried(NamedTuple):
    """What the last fit has left for the next one, or the running fit would leave."""

    criteria: Memories = ()
    """The criteria that did not stop the fit, with what each remembers."""
    plateau: PlateauState = PlateauState()
    """State of a `ReduceOnPlateau`."""
    data: Fingerprint | None = None
    """Fingerprint of the data whose losses criteria and plateau have seen; None without either."""
    seen: int = -1
    """`epochs_done` of the trainer at the last epoch's end that criteria have seen, or when the fit began; -1 if
    training continued through `step` or `epoch`. If `epochs_done` is one more and the epoch's steps are all made, the
    end of that epoch is still to be measured."""
    before: NDArray[Any] | None = None
    """The parameters before an epoch of one step, if a criterion may restore them."""
    reached: NDArray[Any] | None = None
    """The parameters as trained, if a criterion has put others into the model at the end; training resumes from them.
    """
    shown: NDArray[Any] | None = None
    """The parameters that the criterion put in their place."""
    gradients: GradientSum | None = None


@final
class Watching:
    """The criteria of one fit at work; each resumes from what an equal one remembers, if the data are the same."""

    def __init__(self, rules: tuple[StoppingCriterion, ...], monitors: Monitors, before: Memories) -> None:
        self.rules = rules
        self.watches: list[Watch] = []
        self.stopped: set[int] = set()
        for rule in rules:
            seen = (memory for other, memory in before if type(other) is type(rule) and other == rule)
            self.watches.append(rule.start(monitors, next(seen, ())))

    def observe(self, end: EpochEnd) -> list[str]:
        """Show the end of an epoch to all criteria and return the reasons to stop."""
        reasons = []
        for i, watch in enumerate(self.watches):
            if reason := watch.observe(end):
                reasons.append(reason)
                self.stopped.add(i)
        return reasons

    def memories(self) -> Memories:
        """Return what the next fit should know; criteria that stopped this one start anew."""
        found = []
        for i, watch in enumerate(self.watches):
            if i not in self.stopped and (memory := watch.remembered()):
                found.append((self.rules[i], memory))
        return tuple(found)

    def finished(self, params: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the parameters to resume from, and those to leave in the model."""
        reached = params.copy()
        for i in self.stopped:
            self.watches[i].finish(reached)
        shown = reached.copy()
        for i in set(range(len(self.watches))) - self.stopped:
            self.watches[i].finish(shown)
        return reached, shown


@final
class GradientMean:
    """The mean of the gradients of an epoch's steps, summed by the kernels, if a criterion needs it."""

    def __init__(self, trainer: Trainer, wanted: bool) -> None:
        self.trainer, self.wanted = trainer, wanted

    def begin_epoch(self, n: int) -> NDArray[np.float64] | None:
        """Return the vector to add gradients to, in the epoch over n samples that begins or continues; None if not
        needed.
        """
        if not self.wanted:
            return None
        carried, begun = self.trainer._carried, steps_begun(self.trainer, n)
        gradients = carried.gradients
        if gradients is None or not begun:
            gradients = GradientSum(np.zeros(self.trainer.stack.n_params), begun)
            self.trainer._carried = carried._replace(gradients=gradients)
        return gradients.total

    def of(self, steps: int) -> NDArray[Any]:
        """Return the mean gradient, shape (n_params,), after this many steps of the epoch."""
        gradients = self.trainer._carried.gradients
        if gradients is None or not self.wanted:
            raise RuntimeError("the mean gradient was not announced by sums_gradients")
        return gradients.total / (steps - gradients.unsummed)
