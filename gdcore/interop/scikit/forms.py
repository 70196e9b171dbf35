"""What gdcore and scikit-learn call the same things."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...base.optional import optional
from ...losses import (
    BinaryCrossEntropy,
    EpsilonInsensitive,
    Hinge,
    Huber,
    Loss,
    MeanSquaredError,
    ModifiedHuber,
    Perceptron,
    SquaredEpsilonInsensitive,
    SquaredHinge,
)

INSTALL = "gdcore[sklearn]"

ACTIVATIONS = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}
"""gdcore's name -> that of MLPClassifier and MLPRegressor, which have no others."""

NEAREST = {
    "leaky_relu": "relu",
    "elu": "relu",
    "selu": "relu",
    "softplus": "relu",
    "gelu": "relu",
    "silu": "relu",
    "relu6": "relu",
    "hardtanh": "tanh",
    "hard_swish": "relu",
    "mish": "relu",
}
"""Every other activation -> the nearest of those."""

REGRESSORS = ("LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV", "SGDRegressor")
"""Linear estimators of numbers."""
CLASSIFIERS = ("LogisticRegression", "LogisticRegressionCV", "SGDClassifier")
"""Linear estimators of classes."""
NETWORKS = ("MLPClassifier", "MLPRegressor")

SGD_LOSSES: dict[str, Callable[[float], Loss]] = {
    "squared_error": lambda epsilon: MeanSquaredError(),
    "huber": lambda epsilon: Huber(max(epsilon, 1e-30)),  # 0 is allowed there, and leaves no loss
    "epsilon_insensitive": EpsilonInsensitive,
    "squared_epsilon_insensitive": SquaredEpsilonInsensitive,
    "log_loss": lambda epsilon: BinaryCrossEntropy(),
    "hinge": lambda epsilon: Hinge(),
    "squared_hinge": lambda epsilon: SquaredHinge(),
    "modified_huber": lambda epsilon: ModifiedHuber(),
    "perceptron": lambda epsilon: Perceptron(),
}
"""Losses of SGDRegressor and SGDClassifier -> gdcore's, of their `epsilon`."""


def sklearn(module: str, wanted_by: str) -> Any:
    """Return a module of scikit-learn."""
    return optional(f"sklearn.{module}", wanted_by, INSTALL)
