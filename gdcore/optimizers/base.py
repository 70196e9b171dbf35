"""The interface of an optimizer, and what a run changes beside it.

Design
------
- A record holds hyper-parameters, checks them once and never changes; what a run changes is in
  OptimizerState.
- The formula is the kernel rule with the record's name. `hyper()` hands the fields over in their order, which is the
  rule's, without the learning rate, which comes first and which a schedule may change from step to step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from math import inf
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from .._kernels import load
from .._kernels.records import RuleState
from ..base import checks
from ..base.memory import aligned_rows
from ..base.record import Record, Registry
from ..schedules import SCHEDULES, Schedule
from . import checks as optimizers_checks

SMALLEST_EPS = 1e-37
"""A smaller eps is 0 in float32, and an update that divides by it may give NaN."""
N_SCALARS = load("float64").N_SCALARS
"""Number of running scalars, the most that a rule needs."""
LARGEST_N = 2**48
"""No memory holds more parameters."""


def check_learning_rate(value: object) -> None:
    """Check a rate: a number, or a schedule, which has already been checked."""
    if not isinstance(value, Schedule):
        optimizers_checks.rate(value)


def check_momentum(value: object) -> None:
    """Check the share of the last move that is kept; above 1, moves would grow by themselves."""
    checks.between("momentum", value, 0, 1)


class Optimizer(Record, ABC):
    """Interface of the optimizers; each one is a frozen dataclass whose first field is `learning_rate`."""

    positional = 1
    per_model = True
    independent = True
    registries: ClassVar[Mapping[str, Registry[Any]]] = {"learning_rate": SCHEDULES}

    learning_rate: float | Schedule
    weight_decay: float

    def hyper(self) -> tuple[float, ...]:
        """Return the hyper-parameters without the learning rate, in the rule's order; switches as 0 and 1."""
        return self.settings()[1:]

    @abstractmethod
    def slot_names(self) -> tuple[str, ...]:
        """Return the names of the vectors that the rule keeps beside the parameters, in the rule's order."""

    def amplification(self) -> float:
        """Return the factor by which a step can enlarge a slot, which decides how often to look for overflow."""
        return 1.0

    def largest_scalar(self) -> float:
        """Return a bound on the running scalars; most are products of factors in [0, 1]."""
        return 1.0

    def divides_by_zero(self) -> bool:
        """Return whether eps is 0, so that a gradient of 0 may be divided by 0."""
        return self.amplification() == inf

    def n_slots(self) -> int:
        """Return how many vectors the rule keeps beside the parameters."""
        return len(self.slot_names())

    def init(self, n: int, dtype: Any = "float32") -> OptimizerState:
        """Return the state before the first step.

        Parameters
        ----------
        n : int
            Number of parameters.
        dtype : {"float32", "float64"}, default "float32"
            Precision of the parameters, the gradient and the slots.

        Returns
        -------
        OptimizerState
            Its `step(params, grads)` updates the parameters in place.
        """
        return OptimizerState.start(self, n, dtype)


@final
class OptimizerState:
    """An optimizer's slots, scalars and step count for one vector of parameters.

    Made by `optimizer.init(n, dtype)`. Everything is zero before the first step.

    Attributes
    ----------
    optimizer : Optimizer
    slots : ndarray, shape (n_slots, n)
        The vectors that `optimizer.slot_names()` names, in the parameters' precision: a view of `memory`.
    memory : ndarray, shape (n_slots, n rounded up to whole cache lines)
        What the kernels see.
    scalars : ndarray, shape (2,), float64
        Running scalars of the rule.
    step_count : int
        Number of steps made.
    n : int
        Number of parameters.
    dtype : {"float32", "float64"}

    Examples
    --------
    >>> import numpy as np
    >>> from gdcore.optimizers import SGD
    >>> params = np.array([1.0, -2.0])
    >>> state = SGD(0.1, momentum=0.9).init(2, "float64")
    >>> state.step(params, 2 * params)
    >>> params
    array([ 0.8, -1.6])
    >>> state.slots
    array([[ 2., -4.]])
    """

    def __init__(
        self, optimizer: Optimizer, slots: NDArray[Any], scalars: NDArray[np.float64], step_count: int
    ) -> None:
        self.optimizer = optimizer
        self.memory = aligned_rows(slots.shape[0], slots.shape[1], slots.dtype.name)
        self.slots = self.memory[:, : slots.shape[1]]
        self.slots[:] = slots
        self.scalars = scalars
        self.step_count = step_count
        self.n = slots.shape[1]
        self.dtype = slots.dtype.name
        self._rule = RuleState(optimizer.name, np.array(optimizer.hyper(), np.float64), self.scalars, self.memory)
        self._update = load(self.dtype).update

    @classmethod
    def start(cls, optimizer: Optimizer, n: int, dtype: Any) -> OptimizerState:
        """Return the state before the first step, for `n` parameters."""
        n = checks.integer("n", n, 0, LARGEST_N)
        slots = np.zeros((optimizer.n_slots(), n), checks.precision("dtype", dtype))
        return cls(optimizer, slots, np.zeros(N_SCALARS), 0)

    @property
    def rule(self) -> str:
        """Name of the update rule."""
        return self.optimizer.name

    def step(self, params: NDArray[Any], grads: NDArray[Any], learning_rate: float | None = None) -> None:
        """Update the parameters in place.

        Parameters
        ----------
        params : ndarray, shape (n,)
            Contiguous and writeable, of the state's dtype.
        grads : ndarray, shape (n,)
            Gradient at `params`, of the same dtype; never written. NaN and infinity go into the parameters.
        learning_rate : float, optional
            Of this step; by default the optimizer's, a schedule's being that after `step_count` steps.

        Raises
        ------
        TypeError, ValueError
            For a wrong type, dtype, shape or rate, before anything is changed.
        """
        optimizers_checks.in_place("params", checks.vector("params", params, self.n, self.dtype))
        checks.vector("grads", grads, self.n, self.dtype)
        readable = grads.flags.c_contiguous and grads.flags.aligned
        if not readable or np.may_share_memory(params, grads):
            grads = grads.copy()
        rate = self._rate() if learning_rate is None else checks.positive("learning_rate", learning_rate)
        step = self.step_count + 1
        self._update(self._rule, rate, step, params, grads)
        self.step_count = step

    def _rate(self) -> float:
        rate = self.optimizer.learning_rate
        if not isinstance(rate, Schedule):
            return float(rate)
        optimizers_checks.counted("step", rate, rate.per)
        return rate.formula(self.step_count)

    def to_dict(self) -> dict[str, Any]:
        """Return copies of what changes, for saving; the optimizer itself is saved separately."""
        return {
            "rule": self.rule,
            "slots": self.slots.copy(),
            "scalars": self.scalars.copy(),
            "step_count": self.step_count,
        }

    @classmethod
    def from_dict(cls, optimizer: Optimizer, values: Mapping[str, Any]) -> OptimizerState:
        """Return the state of `optimizer` from the result of `to_dict`.

        Raises
        ------
        ValueError
            Where the values belong to another rule, or have other slots than `optimizer`.
        """
        optimizers_checks.saved_state(values, optimizer.name, optimizer.n_slots(), N_SCALARS)
        slots = np.array(values["slots"], order="C")
        scalars = np.array(values["scalars"], np.float64)
        return cls(optimizer, slots, scalars, int(values["step_count"]))

    def __reduce__(self) -> tuple[Any, ...]:
        return OptimizerState.from_dict, (self.optimizer, self.to_dict())

    def __repr__(self) -> str:
        n, dtype, steps = self.n, self.dtype, self.step_count
        return f"OptimizerState({self.optimizer!r}, n={n}, dtype={dtype!r}, step_count={steps})"
