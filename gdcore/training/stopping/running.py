"""The stopping criteria of one fit at work."""

from __future__ import annotations

from typing import Any, final

from numpy.typing import NDArray

from ..epoch_end import EpochEnd, Monitors
from .base import CriterionState, Memories, StoppingCriterion


@final
class RunningCriteria:
    """The criteria of one fit with their states; each resumes from what an equal one remembers in `before`."""

    def __init__(self, rules: tuple[StoppingCriterion, ...], monitors: Monitors, before: Memories) -> None:
        self.rules = rules
        self.states: list[CriterionState] = []
        self.stopped: set[int] = set()
        for rule in rules:
            seen = (memory for other, memory in before if type(other) is type(rule) and other == rule)
            self.states.append(rule.start(monitors, next(seen, ())))

    def observe(self, end: EpochEnd) -> list[str]:
        """Show the end of an epoch to all criteria and return the reasons to stop."""
        reasons = []
        for i, state in enumerate(self.states):
            if reason := state.observe(end):
                reasons.append(reason)
                self.stopped.add(i)
        return reasons

    def memories(self) -> Memories:
        """Return what the next fit should know; criteria that stopped this one start anew."""
        found = []
        for i, state in enumerate(self.states):
            if i not in self.stopped and (memory := state.remembered()):
                found.append((self.rules[i], memory))
        return tuple(found)

    def finished(self, params: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the parameters to resume from, and those to leave in the model."""
        reached = params.copy()
        for i in self.stopped:
            self.states[i].finish(reached)
        shown = reached.copy()
        for i in set(range(len(self.states))) - self.stopped:
            self.states[i].finish(shown)
        return reached, shown
