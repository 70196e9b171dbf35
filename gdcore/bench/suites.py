"""What `gdcore bench` runs: suites of cases, and the libraries that take part."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

from .library import Entry
from .problems import PROBLEMS, Problem
from .tasks import Case


@final
@dataclass(frozen=True)
class Suite:
    """One question, measured with every library on several cases.

    Attributes
    ----------
    name : str
        In commands.
    title : str
        Above the table.
    task : str
        "module:function", a `Task`.
    check : str
        What the libraries must agree on.
    cases : tuple of Case
    contenders : tuple of Entry
        What is measured where it is not every library; the first one is what the others are compared with.
    unit : {"s", "flop/s", "B"}
        How a number is written; a rate is one over the time of an operation.
    compared : bool, default True
        Whether the checks must agree.
    cpu : bool, default False
        Whether a table of the CPU seconds follows.
    """

    name: str
    title: str
    task: str
    check: str
    cases: tuple[Case, ...]
    contenders: tuple[Entry, ...] = ()
    unit: str = "s"
    compared: bool = True
    cpu: bool = False


def problem_named(problems: Iterable[Problem], name: str) -> Problem:
    """Return the problem of that name."""
    return next(problem for problem in problems if problem.name == name)


def train_suite(problems: Iterable[Problem]) -> Suite:
    """Return the suite of training steps inside an epoch."""
    cases = tuple(map(Case, problems))
    return Suite("train", "training step inside an epoch", "gdcore.bench.tasks:train", "final loss", cases)


def step_suite(problems: Iterable[Problem]) -> Suite:
    """Return the suite of training steps called from Python."""
    cases = tuple(map(Case, problems))
    return Suite("step", "training step called from Python", "gdcore.bench.tasks:step", "final loss", cases)


def predict_suite(pairs: Iterable[tuple[Problem, int]]) -> Suite:
    """Return the suite of predictions of given numbers of rows."""
    cases = tuple(Case(problem, rows) for problem, rows in pairs)
    return Suite("predict", "prediction, one call", "gdcore.bench.tasks:predict", "output RMS", cases)


def gradcheck_suite(problems: Iterable[Problem]) -> Suite:
    """Return the suite of whole gradient checks."""
    cases = tuple(map(Case, problems))
    return Suite("gradcheck", "gradient check of every parameter", "gdcore.bench.tasks:gradcheck", "gradient", cases)


_SMALL = problem_named(PROBLEMS, "8-32-32-1")

SUITES = (
    train_suite(PROBLEMS),
    step_suite((problem_named(PROBLEMS, "1-16-1"), _SMALL)),
    predict_suite(((_SMALL, 1), (_SMALL, 10_000))),
    gradcheck_suite((_SMALL,)),
)

LIBRARIES = (
    Entry("gdcore", "gdcore.bench.gdcore_adapter:GdcoreLibrary", "gdcore"),
    Entry("numpy", "gdcore.bench.numpy_adapter:NumpyLibrary", "numpy"),
)
