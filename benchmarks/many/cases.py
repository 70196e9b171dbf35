"""How many models of which problem, and their numbers."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from gdcore.bench.problems import SEED, Problem
from gdcore.bench.tasks import Case

NOISE = 0.1
CHECKED = 16
"""The losses of so many models, the first ones, are compared."""
FIRST = ", first"
"""Ends the name of a row whose seconds are those of the first fit of all models."""


@final
@dataclass(frozen=True)
class Models:
    """Models of one problem; `epochs` of the problem is the length of a fit.

    Attributes
    ----------
    problem : Problem
    n_models : int
    own : bool, default False
        Whether each model has data of its own; otherwise all share them.
    """

    problem: Problem
    n_models: int
    own: bool = False

    @property
    def steps(self) -> int:
        """Number of steps of one model's fit."""
        return self.problem.steps * self.problem.epochs

    @property
    def cases(self) -> tuple[Case, Case]:
        """Two rows of the suite: the step of a model within a fit, and the first fit of all models."""
        name = f"{self.n_models:,} {'shops' if self.own else 'models'}"
        return Case(self.problem, what=name), Case(self.problem, what=f"{name}{FIRST}")


MODELS = (
    Models(Problem("4-8-1 many", (4, 8, 1), 16, 256, 0.1, 10), 10_000),
    Models(Problem("1-16-1 many", (1, 16, 1), 32, 512, 0.1, 10), 1024),
    Models(Problem("8-32-32-1 many", (8, 32, 32, 1), 32, 512, 0.1, 10), 256),
    Models(Problem("20-1 many", (20, 1), 16, 256, 0.02, 10), 10_000),
    Models(Problem("8-32-1 shops", (8, 32, 1), 40, 200, 0.1, 50), 500, own=True),
)
"""The last one: 500 shops with 200 rows each, 50 epochs."""


class Work(NamedTuple):
    """The numbers of some models, in float32.

    Attributes
    ----------
    problem : Problem
    X, y : ndarray
        Shared (n, d) and (n, 1), or own (n_models, n, d) and (n_models, n, 1).
    weights, biases : list of ndarray
        Initial parameters of each layer, (n_models, n_in, n_out) and (n_models, n_out).
    rates : ndarray, shape (n_models,)
    """

    problem: Problem
    X: NDArray[Any]
    y: NDArray[Any]
    weights: list[NDArray[Any]]
    biases: list[NDArray[Any]]
    rates: NDArray[Any]

    @property
    def own(self) -> bool:
        """Whether each model has data of its own."""
        return self.X.ndim == 3

    def of(self, i: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """X and y of model i."""
        return (self.X[i], self.y[i]) if self.own else (self.X, self.y)


def models_of(case: Case) -> Models:
    """The models that a row of the suite is about."""
    return next(each for each in MODELS if each.problem.name == case.problem.name)


def work_of(models: Models, most: int) -> Work:
    """Data, initial parameters and rates of the first `most` models; these do not depend on how many there are."""
    problem, n = models.problem, min(most, models.n_models)
    rng = np.random.default_rng(SEED)
    several = (models.n_models,) if models.own else ()
    d = problem.widths[0]
    X = rng.standard_normal((*several, problem.samples, d))
    y = np.tanh(X @ rng.standard_normal((d, 1)) / np.sqrt(d))
    y += NOISE * rng.standard_normal(y.shape)
    weights, biases = [], []
    for n_in, n_out in pairwise(problem.widths):
        bound = np.sqrt(6 / (n_in + n_out))
        weights.append(rng.uniform(-bound, bound, (models.n_models, n_in, n_out))[:n].astype(np.float32))
        biases.append(np.zeros((n, n_out), np.float32))
    rates = (problem.learning_rate * np.linspace(0.5, 1.5, CHECKED)[np.arange(n) % CHECKED]).astype(np.float32)
    X, y = (array[:n] if models.own else array for array in (X, y))
    return Work(problem, X.astype(np.float32), y.astype(np.float32), weights, biases, rates)


def mean_loss(work: Work, weights: list[NDArray[Any]], biases: list[NDArray[Any]]) -> float:
    """The mean over the first models of the squared error at these parameters, computed by NumPy in float64."""
    found = []
    for i in range(min(CHECKED, len(work.rates))):
        outputs, y = work.of(i)
        for j, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            outputs = outputs.astype(np.float64) @ weight[i] + bias[i]
            outputs = np.tanh(outputs) if j + 1 < len(weights) else outputs
        found.append(np.mean((outputs - y) ** 2))
    return float(np.mean(found))
