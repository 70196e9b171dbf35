"""A fold of a data set: the rows that are fitted, the rows that are scored, and how both are scaled."""

from dataclasses import dataclass
from functools import cache
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from gdcore.bench.problems import Problem

from .datasets import SEED, DataSet, Table, load, named
from .kinds import Kind

FOLDS = 5
HIDDEN, BATCH, RATE, EPOCHS = (32,), 32, 0.005, 100
"""The network of every data set and how it is trained, by Adam."""
RIDGE = 1.0
"""The penalty of the linear models: RIDGE / 2 times the sum of squared weights, beside the sum of the losses."""


@final
@dataclass(frozen=True)
class Fold:
    """What a library is given, in the problem's precision.

    Attributes
    ----------
    problem : Problem
    kind : Kind
    number : int
        Which fold; the seed of what is random.
    X, X_test : ndarray, shape (n, p)
        Features, standardized by the fitted rows.
    y, y_test : ndarray, shape (n,)
        Labels as int64; other targets in the problem's precision, a regression's standardized by the fitted rows.
    """

    problem: Problem
    kind: Kind
    number: int
    X: NDArray[Any]
    y: NDArray[Any]
    X_test: NDArray[Any]
    y_test: NDArray[Any]


@cache
def table(name: str) -> Table:
    """Return the data set's numbers, read once in a process."""
    return load(named(name))


def problems(dataset: DataSet) -> tuple[Problem, Problem]:
    """Return the network in float32 and the linear model in float64 that are fitted to a data set."""
    data = table(dataset.name)
    n, n_in = data.X.shape
    n_out = int(data.y.max()) + 1 if dataset.kind.loss == "cross_entropy" else 1
    rows = n - n // FOLDS
    net = Problem(
        dataset.name,
        (n_in, *HIDDEN, n_out),
        BATCH,
        rows,
        RATE,
        EPOCHS,
        activation="relu",
        loss=dataset.kind.loss,
        optimizer="adam",
    )
    linear = Problem(
        dataset.name,
        (n_in, n_out),
        rows,
        rows,
        1.0,
        1000,
        loss=dataset.kind.loss,
        optimizer="lbfgs",
        dtype="float64",
    )
    return net, linear


def standardized(values: NDArray[Any], fitted: NDArray[Any]) -> NDArray[Any]:
    """Return the values as distances from the fitted rows' mean, in units of their deviation; constants stay 0."""
    deviation = fitted.std(axis=0)
    return (values - fitted.mean(axis=0)) / np.where(deviation > 1e-9, deviation, 1.0)


def make_fold(problem: Problem, number: int) -> Fold:
    """Return one of `FOLDS` folds of the data set that the problem names; every fold has all classes' share."""
    dataset, data = named(problem.name), table(problem.name)
    order = np.random.default_rng(SEED).permutation(len(data.y))
    if dataset.kind.is_classes:
        order = order[np.argsort(data.y[order], kind="stable")]
    test = order[number::FOLDS]
    rows = np.setdiff1d(order, test)
    X, y = standardized(data.X, data.X[rows]), data.y
    if dataset.kind.score == "R2":
        y = standardized(y, y[rows])
    X, y = X.astype(problem.dtype), y if dataset.kind.is_classes else y.astype(problem.dtype)
    return Fold(problem, dataset.kind, number, X[rows], y[rows], X[test], y[test])
