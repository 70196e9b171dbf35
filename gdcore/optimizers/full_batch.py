"""Methods that need the exact gradient and search along lines: L-BFGS and conjugate gradients, through SciPy.

Design
------
They choose their steps themselves, so they have no learning rate and no kernel rule: they are no `Optimizer`. A trainer
or `minimize` hands them the function; each step they accept is one epoch there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from .. import checks
from .._optional import optional
from .._repr import call_repr
from . import OPTIMIZERS
from .base import Optimizer

Vector = NDArray[np.float64]
Objective = Callable[[Vector], tuple[float, Vector]]
Bounds = Sequence[tuple[float, float]]

MANY = 10**9
"""Evaluations: no limit of their own."""


class FullBatch(ABC):
    """What these methods offer; each one is a frozen dataclass."""

    name: ClassVar[str]
    """Name in strings."""
    method: ClassVar[str]
    """SciPy's name."""
    takes_bounds: ClassVar[bool]

    @abstractmethod
    def options(self) -> dict[str, float]:
        """SciPy's options, without the number of steps."""

    def __repr__(self) -> str:
        return call_repr(self)  # type: ignore[arg-type]  # each method is a dataclass


@final
@dataclass(frozen=True, repr=False)
class LBFGS(FullBatch):
    """Limited-memory BFGS: curvature from the last steps, a line search, all data at once; needs SciPy.

    Parameters
    ----------
    memory : int, default 10
        Steps that are remembered.
    ftol : float, default 1e-15
        Ends where a step lowers the function by less than this share.
    gtol : float, default 1e-8
        Ends where no entry of the gradient is larger.

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

    def options(self) -> dict[str, float]:
        return {"maxcor": self.memory, "ftol": self.ftol, "gtol": self.gtol, "maxfun": MANY}


@final
@dataclass(frozen=True, repr=False)
class ConjugateGradient(FullBatch):
    """Nonlinear conjugate gradients after Polak and Ribiere, all data at once; needs SciPy.

    Parameters
    ----------
    gtol : float, default 1e-8
        Ends where no entry of the gradient is larger.

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
        return {"gtol": self.gtol}


FULL_BATCH: tuple[type[FullBatch], ...] = (LBFGS, ConjugateGradient)


class Ended(NamedTuple):
    """Where SciPy's method ended, and why."""

    x: Vector
    message: str
    success: bool
    evaluations: int


def get_method(spec: Optimizer | FullBatch | str) -> Optimizer | FullBatch:
    """The optimizer or full-batch method that `spec` is, or that it names, with its defaults.

    Examples
    --------
    >>> get_method("lbfgs"), get_method("adam")
    (LBFGS(), Adam(0.001))
    """
    if isinstance(spec, Optimizer | FullBatch):
        return spec
    by_name: dict[str, type[Optimizer] | type[FullBatch]] = {kind.rule: kind for kind in OPTIMIZERS}
    by_name.update({kind.name: kind for kind in FULL_BATCH})
    return by_name[checks.known_name("optimizer", spec, tuple(by_name))]()


def run_scipy(
    method: FullBatch,
    fun: Objective,
    x0: Vector,
    max_steps: int,
    stepped: Callable[[Vector, float, Vector], bool],
    bounds: Bounds | None = None,
) -> Ended:
    """Run SciPy's method from x0 (n,).

    Parameters
    ----------
    method : FullBatch
    fun : callable
        x -> value, gradient (n,).
    x0 : ndarray, shape (n,)
    max_steps : int
    stepped : callable
        (x, value, gradient) after each step -> whether to stop.
    bounds : sequence of (low, high), optional

    Raises
    ------
    ImportError
        Where SciPy is not installed.
    """
    minimize = optional("scipy.optimize", f"optimizer={method.name!r}", "scipy").minimize
    calls = 0
    seen: list[tuple[Vector, float, Vector]] = []

    def counted(x: Vector) -> tuple[float, Vector]:
        nonlocal calls
        calls += 1
        value, grad = fun(x)
        seen[:] = [(x.copy(), value, grad)]
        return value, grad

    def callback(*, intermediate_result: Any) -> None:
        x = intermediate_result.x
        if not np.array_equal(seen[0][0], x):
            counted(x)
        if stepped(*seen[0]):
            raise StopIteration

    found = minimize(
        counted, x0, jac=True, method=method.method, bounds=bounds, callback=callback,
        options={**method.options(), "maxiter": max_steps},
    )  # fmt: skip
    message = found.message if isinstance(found.message, str) else found.message.decode()
    return Ended(np.array(found.x), f"{method.name}: {message}", bool(found.success), calls)
