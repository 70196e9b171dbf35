"""What gdcore and scikit-learn call the same things."""

from __future__ import annotations

from typing import Any

from ...base.optional import optional

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

SGD_LOSSES = {
    "squared_error": "mse",
    "huber": "huber",
    "log_loss": "bce",
    "hinge": "hinge",
    "squared_hinge": "squared_hinge",
}
"""Losses of SGDRegressor and SGDClassifier -> gdcore's; the others leave a model without a loss of its own."""


def sklearn(module: str, wanted_by: str) -> Any:
    """Return a module of scikit-learn."""
    return optional(f"sklearn.{module}", wanted_by, INSTALL)
