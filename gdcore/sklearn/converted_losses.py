"""Each loss in scikit-learn's units and in gdcore's.

Design
------
scikit-learn sums a loss over the outputs of a sample, where gdcore takes the mean, and its squared error has a factor
1/2. Trained is gdcore's loss; learning rates and penalties are converted by `scale`, reported losses by `shown`. A
loss that is passed by gdcore's name, or as a record or a function, keeps gdcore's units: then both are 1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from ..losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    CustomLoss,
    EpsilonInsensitive,
    Hinge,
    Huber,
    Loss,
    MeanSquaredError,
    ModifiedHuber,
    Perceptron,
    Poisson,
    SquaredEpsilonInsensitive,
    SquaredHinge,
)
from . import checks as sklearn_checks
from .loss_names import named_loss, theirs


class ConvertedLoss(NamedTuple):
    """A loss as gdcore trains it, and how to convert it.

    Attributes
    ----------
    loss : Loss or callable
    target : str
        What the loss takes: "real", "nonnegative", "unit" (0 or 1), "sign" (-1 or 1), "class".
    scale : float
        scikit-learn's gradient divided by gdcore's.
    shown : float
        scikit-learn's reported loss divided by gdcore's mean loss.
    deviance : bool
        Whether the reported loss is a deviance, which is 0 for outputs that are right.
    """

    loss: Loss | CustomLoss
    target: str
    scale: float = 1.0
    shown: float = 1.0
    deviance: bool = False

    @property
    def link(self) -> str:
        """What turns outputs into predicted numbers or probabilities, by scikit-learn's name of it."""
        target = self.loss.target if isinstance(self.loss, Loss) else ""
        return {"nonnegative": "exp", "class": "softmax", "unit": "logistic"}.get(target, "identity")

    @property
    def has_probabilities(self) -> bool:
        """Whether the outputs stand for probabilities of classes."""
        return self.link in ("softmax", "logistic") or isinstance(self.loss, ModifiedHuber)


def classifier_loss(loss: Any, kind: str, n_classes: int) -> ConvertedLoss:
    """Return the loss of an `MLPClassifier` for targets of this kind: "binary", "multiclass" or "multilabel"."""
    if theirs(loss, "MLPClassifier"):
        if kind == "multiclass":
            return ConvertedLoss(CrossEntropy(), "class")
        n_outputs = n_classes if kind == "multilabel" else 1
        return ConvertedLoss(BinaryCrossEntropy(), "unit", n_outputs, n_outputs)
    found = named_loss(loss, "MLPClassifier")
    target = found.target if isinstance(found, Loss) else "sign"
    if target == "class" and kind == "multilabel":
        raise sklearn_checks.one_label(found)
    return ConvertedLoss(found, "sign" if target == "real" else target)


def regressor_loss(loss: Any, n_outputs: int) -> ConvertedLoss:
    """Return the loss of an `MLPRegressor`."""
    name = theirs(loss, "MLPRegressor")
    if name == "squared_error":
        return ConvertedLoss(MeanSquaredError(), "real", n_outputs / 2, 0.5)
    if name == "poisson":
        return ConvertedLoss(Poisson(), "nonnegative", n_outputs, n_outputs, True)
    return _of_numbers(named_loss(loss, "MLPRegressor"))


def _of_numbers(loss: Loss | CustomLoss) -> ConvertedLoss:
    """Return a loss of gdcore's that takes numbers, in its own units."""
    return ConvertedLoss(loss, loss.target if isinstance(loss, Loss) else "real")


def linear_loss(loss: Any, epsilon: float, n_outputs: int, classifies: bool) -> ConvertedLoss:
    """Return the loss of an `SGDClassifier` or `SGDRegressor`."""
    k = float(n_outputs)
    numbers = "sign" if classifies else "real"
    estimator = "SGDClassifier" if classifies else "SGDRegressor"
    name = theirs(loss, estimator)
    if not name:
        found = named_loss(loss, estimator)
        if not classifies:
            return _of_numbers(found)
        target = found.target if isinstance(found, Loss) else "sign"
        return ConvertedLoss(found, "unit" if target == "unit" else "sign")
    rows: dict[str, ConvertedLoss] = {
        "hinge": ConvertedLoss(Hinge(), "sign", k, k),
        "log_loss": ConvertedLoss(BinaryCrossEntropy(), "unit", k, k),
        "modified_huber": ConvertedLoss(ModifiedHuber(), "sign", k, k),
        "squared_hinge": ConvertedLoss(SquaredHinge(), "sign", k, k),
        "perceptron": ConvertedLoss(Perceptron(), "sign", k, k),
        "squared_error": ConvertedLoss(MeanSquaredError(), numbers, k / 2, k / 2),
        "epsilon_insensitive": ConvertedLoss(EpsilonInsensitive(epsilon), numbers, k, k),
        "squared_epsilon_insensitive": ConvertedLoss(SquaredEpsilonInsensitive(epsilon), numbers, k, k),
    }
    return ConvertedLoss(Huber(max(epsilon, 1e-30)), numbers, k, k) if name == "huber" else rows[name]


def constant_of(converted: ConvertedLoss, y: NDArray[Any], weight: NDArray[Any] | None) -> float:
    """Return what scikit-learn's reported loss has besides gdcore's: the part of Poisson's that no output changes."""
    if not converted.deviance:
        return 0.0
    return float(np.sum(np.average(xlogy(y, y) - y, weights=weight, axis=0)))
