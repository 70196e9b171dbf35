"""Methods that need the exact gradient and search along lines: L-BFGS and conjugate gradients, through SciPy.

Design
------
These methods choose their steps themselves, so they have no learning rate and no kernel rule, and are no `Optimizer`.
`line_search.py` runs them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

from ..base import checks
from ..base.record import Record, Registry
from . import OPTIMIZERS
from .base import Optimizer

MANY = 10**9
"""SciPy's limit on evaluations; so large that it is never reached."""


class FullBatch(Record, ABC):
    """Interface of these methods; each one is a frozen dataclass."""

    method: ClassVar[str]
    """SciPy's name."""
    takes_bounds: ClassVar[bool]

    gtol: float

    @abstractmethod
    def options(self) -> dict[str, float]:
        """Return SciPy's options without the number of steps; `line_search`, not SciPy, ends at a small gradient."""

    def least_fall(self) -> float:
        """Return the share of the value by which a step must lower it; 0 if the method has no such option."""
        return 0.0


@final
@dataclass(frozen=True, repr=False)
class LBFGS(FullBatch):
    """Limited-memory BFGS: curvature from the last steps, a line search, all data at once; needs SciPy.

    Parameters
    ----------
    memory : int, default 10
        Number of past steps used for the curvature.
    ftol : float, default 1e-15
        If a step lowers the function by less than this share, the method restarts or ends.
    gtol : float, default 1e-8
        Has converged where no entry of the gradient is above this share of the largest at the start.

    References
    ----------
    Liu, Nocedal (1989), "On the limited memory BFGS method for large scale optimization".

    Examples
    --------
    >>> LBFGS(memory=20)
    LBFGS(memory=20)
    """

    name = "lbfgs"
    method = "L-BFGS-B"
    takes_bounds = True

    memory: int = 10
    ftol: float = 1e-15
    gtol: float = 1e-8

    def __post_init__(self) -> None:
        checks.integer("memory", self.memory, 1)
        checks.nonnegative("ftol", self.ftol)
        checks.nonnegative("gtol", self.gtol)

    def least_fall(self) -> float:
        return self.ftol

    def options(self) -> dict[str, float]:
        return {"maxcor": self.memory, "ftol": self.ftol, "gtol": 0.0, "maxfun": MANY}


@final
@dataclass(frozen=True, repr=False)
class ConjugateGradient(FullBatch):
    """Nonlinear conjugate gradients after Polak and Ribiere, all data at once; needs SciPy.

    Parameters
    ----------
    gtol : float, default 1e-8
        Has converged where no entry of the gradient is above this share of the largest at the start.

    References
    ----------
    Polak, Ribiere (1969), "Note sur la convergence de methodes de directions conjuguees".

    Examples
    --------
    >>> ConjugateGradient()
    ConjugateGradient()
    """

    name = "cg"
    method = "CG"
    takes_bounds = False

    gtol: float = 1e-8

    def __post_init__(self) -> None:
        checks.nonnegative("gtol", self.gtol)

    def options(self) -> dict[str, float]:
        return {"gtol": 0.0}


FULL_BATCH: Registry[type[FullBatch]] = Registry("optimizer", (LBFGS, ConjugateGradient))
METHODS: Registry[type[Optimizer] | type[FullBatch]] = Registry("optimizer", (*OPTIMIZERS, *FULL_BATCH))
"""All that `optimizer=` of a fit or a minimization may name."""


def get_method(spec: Optimizer | FullBatch | str) -> Optimizer | FullBatch:
    """Return the optimizer or full-batch method that `spec` is or names, with its defaults.

    Examples
    --------
    >>> get_method("lbfgs"), get_method("adam")
    (LBFGS(), Adam(0.001))
    """
    return spec if isinstance(spec, Optimizer | FullBatch) else METHODS.find(spec)()
