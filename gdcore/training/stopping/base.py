"""Interface of the stopping criteria: frozen rules, each with a state that holds what changes during a fit.

CONTRIBUTING has the recipe to add one.

Design
------
The training keeps what a state remembers after the fit, so that a resumed fit stops where an uninterrupted one would
have. A criterion that stopped the fit starts anew, and so does every criterion on other data. A memory is never changed
in place: after an interrupted fit, the next one starts from it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, final

from numpy.typing import NDArray

from ...base import checks
from ...base.record import Record
from .. import checks as training_checks
from ..epoch_end import EpochEnd, Monitors

Memory = tuple[Any, ...]
"""What a criterion's state remembers from fit to fit; empty if nothing."""


class CriterionState(ABC):
    """State of one criterion during one fit."""

    @abstractmethod
    def observe(self, end: EpochEnd) -> str | None:
        """Return the reason to stop, as a sentence, or None."""

    @abstractmethod
    def finish(self, params: NDArray[Any]) -> None:
        """Change the parameters at the end of the fit, in place, if the criterion wants others."""

    @abstractmethod
    def remembered(self) -> Memory:
        """Return what a later fit needs to continue, if anything."""


@final
class Memoryless(CriterionState):
    """A state without memory, from a function (end) -> the reason to stop, or None."""

    def __init__(self, test: Callable[[EpochEnd], str | None]) -> None:
        self.test = test

    def observe(self, end: EpochEnd) -> str | None:
        return self.test(end)

    def finish(self, params: NDArray[Any]) -> None:
        pass

    def remembered(self) -> Memory:
        return ()


class StoppingCriterion(Record, ABC):
    """Interface of the stopping criteria; each one is a frozen dataclass."""

    per_model = True
    ends_for_good = True
    """Whether a fit that it has ended has nothing left to do; otherwise `resume=True` goes on."""

    @abstractmethod
    def start(self, monitors: Monitors, remembered: Memory = ()) -> CriterionState:
        """Return a state for a fit that begins now and measures these values.

        `remembered` is what the state of the last fit remembers, if this one continues from it.
        """

    def sums_gradients(self) -> bool:
        """Return whether `EpochEnd.mean_gradient` is needed, which costs a pass over the parameters per step."""
        return False

    def asks_for_losses_alone(self) -> bool:
        """Return whether of an `EpochEnd` only values, parameters and the rate are looked at, which cost nothing."""
        return False

    def brings_back_the_start(self, monitors: Monitors) -> bool:
        """Return whether `finish` may restore the parameters before an epoch of one step; only then are they kept."""
        return False

    def check_memory(self, memory: Memory, n_params: int, dtype: str) -> None:  # only some remember
        """Raise TypeError or ValueError if a state cannot have remembered this, for a model with `n_params` parameters.

        The default takes anything.
        """


Memories = tuple[tuple[StoppingCriterion, Memory], ...]
"""Criteria, each with what its state remembers."""

StopSpec = StoppingCriterion | Callable[[EpochEnd], bool | str | None]
"""A criterion, or a function (end) -> True or the reason as a sentence, to stop."""


@final
@dataclass(frozen=True, repr=False)
class Function(StoppingCriterion):
    """Stops when a function says so.

    Parameters
    ----------
    function : callable
        (EpochEnd) -> True or a sentence to stop; None, False or "" to go on.

    Examples
    --------
    >>> def spent(end):
    ...     return end.seconds > 60
    >>> Function(spent).start({}).__class__.__name__
    'Memoryless'
    """

    name = "function"

    function: Callable[[EpochEnd], bool | str | None]

    def start(self, monitors: Monitors, remembered: Memory = ()) -> CriterionState:
        return Memoryless(self._ask)

    def _ask(self, end: EpochEnd) -> str | None:
        answer = training_checks.stop_answer(self.function, self.function(end))
        if isinstance(answer, str):
            return answer or None
        return f"{checks.callable_name(self.function)} asked to stop in epoch {end.epoch}" if answer else None


def criteria(stop: StopSpec | Iterable[StopSpec]) -> tuple[StoppingCriterion, ...]:
    """Return one criterion or several as a tuple."""
    several = tuple(stop) if isinstance(stop, Iterable) and not isinstance(stop, str) else (stop,)
    found = []
    for rule in several:
        if not isinstance(rule, StoppingCriterion):
            training_checks.stop_function(rule)
            rule = Function(rule)
        found.append(rule)
    return tuple(found)
