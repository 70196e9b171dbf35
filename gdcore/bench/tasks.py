"""What is timed: each task prepares a call, and says what shows that the work was equal.

Design
------
- A task runs in the library's process. It hands back the call that the clock repeats, how many units of work one call
  holds, and `check`: a number that every library must reach (a loss after a fixed number of steps, say).
- `check` is reached through the very call that is timed, before it is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from .library import Library
from .problems import SEED, Problem, make_workload


@final
@dataclass(frozen=True)
class Case:
    """One row of a suite.

    Attributes
    ----------
    problem : Problem
    rows : int, default 0
        Rows of a prediction.
    threads : int, default 1
        Threads, and cores that the process is pinned to; 0 for all that there are.
    what : str, default ""
        Which of a task's quantities.
    """

    problem: Problem
    rows: int = 0
    threads: int = 1
    what: str = ""

    @property
    def label(self) -> str:
        """The first column of a table."""
        label = self.problem.label
        if self.rows:
            label = f"{self.problem.network}, {self.rows:,} row{'s' if self.rows > 1 else ''}"
        parts = [label, f"{self.threads} threads"] if self.threads > 1 else [label]
        return ", ".join([*parts, self.what] if self.what else parts)


@final
@dataclass(frozen=True)
class Prepared:
    """A call ready to be timed.

    Attributes
    ----------
    call : callable
    units : int
        Units of work in one call; times are reported for one.
    check : float or None
        What must agree between the libraries; None for one that has nothing to compare.
    """

    call: Callable[[], object]
    units: int
    check: float | None


@final
@dataclass(frozen=True)
class Counted:
    """A quantity that needs no clock.

    Attributes
    ----------
    amount : float
    check : float or None
        As in `Prepared`.
    """

    amount: float
    check: float | None


Task = Callable[[Library, Case], Prepared | Counted]


def train(library: Library, case: Case) -> Prepared:
    """Prepare whole epochs; the unit is one step."""
    library.setup(make_workload(case.problem))
    return Prepared(library.epoch, case.problem.steps, _loss_after(library, library.epoch, case.problem.epochs))


def step(library: Library, case: Case) -> Prepared:
    """Prepare single steps from Python, over the same batches in the same order."""
    work, problem = make_workload(case.problem), case.problem
    library.setup(work)
    firsts = range(0, problem.samples, problem.batch)
    rows = [slice(first, first + problem.batch) for first in firsts]
    batches = [(library.array(work.X[these]), library.array(work.y[these])) for these in rows]

    def steps() -> None:
        for xb, yb in batches:
            library.step(xb, yb)

    return Prepared(steps, problem.steps, _loss_after(library, steps, problem.epochs))


def _loss_after(library: Library, call: Callable[[], object], times: int) -> float | None:
    for _ in range(times):
        call()
    library.wait()
    return library.loss()


def predict(library: Library, case: Case) -> Prepared:
    """Prepare raw outputs of `case.rows` rows after one epoch, which moves the biases from zero;
    the unit is one call.
    """
    problem = case.problem
    library.setup(make_workload(problem))
    library.epoch()
    X = np.random.default_rng(SEED + 1).standard_normal((case.rows, problem.widths[0])).astype(problem.dtype)
    rows = library.array(X)
    outputs = library.predict(rows)
    check = None if outputs is None else float(np.sqrt(np.mean(np.asarray(outputs, np.float64) ** 2)))
    return Prepared(lambda: library.predict(rows), 1, check)


def gradcheck(library: Library, case: Case) -> Prepared:
    """Prepare the gradient checker over every parameter; the unit is one check."""
    library.setup(make_workload(case.problem))
    return Prepared(library.check_gradients, 1, float(np.linalg.norm(library.check_gradients())))
