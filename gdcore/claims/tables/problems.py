"""The problems on which the tables are measured: shipped digits, and Friedman's regression.

Design
------
- The third document names no problem, so its numbers cannot be met or missed: what can be tested is the order in each
  table. A table is measured on two problems where that is affordable, since an order that one of them breaks depends.
- Sections that make many steps over all digits use one thread: on a busy machine two threads of a step of 0.1 ms wait
  for each other most of the time.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...datasets import Digits, Regression, friedman, load_digits
from ...layers.dense import Dense
from ...layers.scaling import Standardize
from ...models import MLP, Sequential
from ...optimizers import Optimizer
from ...training import Trainer


@cache
def digits() -> Digits:
    """Return the shipped digits, with a fifth as test set."""
    return load_digits()


@cache
def regression(n: int = 500, n_features: int = 10, seed: int = 0) -> Regression:
    """Return Friedman's problem in float64."""
    return friedman(n, n_features, dtype="float64", seed=seed)


def linear(X: NDArray[Any], *, standardized: bool = True) -> Sequential:
    """Return a linear regression with zero weights, with standardized or raw inputs."""
    dense = Dense(X.shape[1], 1, weight_init="zeros")
    layers = (Standardize.from_data(X), dense) if standardized else (dense,)
    return Sequential(*layers, dtype="float64")


def least_loss(X: NDArray[Any], y: NDArray[Any]) -> float:
    """Return the smallest mean squared error of a linear model, by least squares."""
    design = np.column_stack([X, np.ones(len(X))])
    return float(np.mean((design @ np.linalg.lstsq(design, y, rcond=None)[0] - y) ** 2))


def classifier(hidden: int = 32, activation: str = "tanh", seed: int = 0) -> Sequential:
    """Return a network of 64 pixels, a hidden layer and 10 digits; without a hidden layer if `hidden` is 0."""
    return MLP([64, hidden, 10] if hidden else [64, 10], activation=activation, seed=seed)


def accuracy(model: Sequential, *, held_out: bool = True) -> float:
    """Return the share of digits classified correctly."""
    data = digits()
    X, y = (data.X_test, data.y_test) if held_out else (data.X, data.y)
    return float((model.predict(X).argmax(axis=1) == y).mean())


def full_batch(model: Sequential, loss: str, optimizer: Optimizer, X: NDArray[Any]) -> Trainer:
    """Return a trainer for plain gradient descent: every step uses all rows, in their order."""
    return Trainer(model, loss, optimizer, batch_size=len(X), shuffle=False)
