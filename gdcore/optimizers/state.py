"""What an optimizer changes from step to step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from .._kernels import load
from .._kernels.records import Rule
from ..base import checks
from ..base.memory import aligned_rows
from ..schedules import Schedule
from . import checks as optimizers_checks

if TYPE_CHECKING:
    from .base import Optimizer

N_SCALARS = 2
LARGEST_N = 2**48


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
        self._rule = Rule(optimizer.rule, np.array(optimizer.hyper(), np.float64), self.scalars, self.memory)
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
        return self.optimizer.rule

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
        optimizers_checks.saved_state(values, optimizer.rule, optimizer.n_slots(), N_SCALARS)
        slots = np.array(values["slots"], order="C")
        scalars = np.array(values["scalars"], np.float64)
        return cls(optimizer, slots, scalars, int(values["step_count"]))

    def __reduce__(self) -> tuple[Any, ...]:
        return OptimizerState.from_dict, (self.optimizer, self.to_dict())

    def __repr__(self) -> str:
        n, dtype, steps = self.n, self.dtype, self.step_count
        return f"OptimizerState({self.optimizer!r}, n={n}, dtype={dtype!r}, step_count={steps})"
