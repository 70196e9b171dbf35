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

from ..base import checks
from ..losses import (
    LOSSES,
    BinaryCrossEntropy,
    CrossEntropy,
    CustomLoss,
    Hinge,
    Huber,
    Loss,
    MeanSquaredError,
    Poisson,
    SquaredHinge,
    get_loss,
)
from . import checks as sklearn_checks
from .losses import EpsilonInsensitive, ModifiedHuber, Perceptron, SquaredEpsilonInsensitive, WeightedLoss


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


FORMER = {"log": "log_loss", "logloss": "log_loss", "squared_loss": "squared_error"}
"""Names that losses of scikit-learn had, or that are taken for theirs."""


def _named(loss: Any, theirs: tuple[str, ...]) -> Loss | CustomLoss:
    """Return the loss of gdcore's that is meant; the error for an unknown name lists scikit-learn's names first."""
    if isinstance(loss, str):
        meant = FORMER.get(loss.lower(), "")
        if meant in theirs:
            raise sklearn_checks.former_name(loss, meant, theirs)
        names = [name for kind in LOSSES for name in (kind.name, *kind.aliases)]
        loss = checks.known_name("loss", loss, tuple(dict.fromkeys([*theirs, *names])))
    return get_loss(loss)


def classifier_loss(loss: Any, kind: str, n_classes: int) -> ConvertedLoss:
    """Return the loss of an `MLPClassifier` for targets of this kind: "binary", "multiclass" or "multilabel"."""
    if isinstance(loss, str) and loss == "log_loss":
        if kind == "multiclass":
            return ConvertedLoss(CrossEntropy(), "class")
        n_outputs = n_classes if kind == "multilabel" else 1
        return ConvertedLoss(BinaryCrossEntropy(), "unit", n_outputs, n_outputs)
    found = _named(loss, ("log_loss",))
    target = found.target if isinstance(found, Loss) else "sign"
    if target == "class" and kind == "multilabel":
        raise sklearn_checks.one_label(found)
    return ConvertedLoss(found, "sign" if target in ("real", "nonnegative") else target)


def regressor_loss(loss: Any, n_outputs: int, theirs: tuple[str, ...] = ("squared_error", "poisson")) -> ConvertedLoss:
    """Return the loss of an `MLPRegressor`, or one that has `theirs`."""
    if isinstance(loss, str) and loss == "squared_error":
        return ConvertedLoss(MeanSquaredError(), "real", n_outputs / 2, 0.5)
    if isinstance(loss, str) and loss == "poisson":
        return ConvertedLoss(Poisson(), "nonnegative", n_outputs, n_outputs, True)
    found = _named(loss, theirs)
    target = found.target if isinstance(found, Loss) else "real"
    if target not in ("real", "nonnegative"):
        raise sklearn_checks.for_numbers(found)
    return ConvertedLoss(found, target)


LINEAR = (
    "hinge",
    "log_loss",
    "modified_huber",
    "squared_hinge",
    "perceptron",
    "squared_error",
    "huber",
    "epsilon_insensitive",
    "squared_epsilon_insensitive",
)
"""Names of scikit-learn's losses of linear models; the last four are those of `SGDRegressor`."""


def linear_loss(loss: Any, epsilon: float, n_outputs: int, classifies: bool) -> ConvertedLoss:
    """Return the loss of an `SGDClassifier` or `SGDRegressor`."""
    k = float(n_outputs)
    numbers = "sign" if classifies else "real"
    if not isinstance(loss, str) or loss not in (LINEAR if classifies else LINEAR[5:]):
        if not classifies:
            return regressor_loss(loss, n_outputs, LINEAR[5:])
        found = _named(loss, LINEAR)
        if isinstance(found, Loss) and found.target == "class":
            raise sklearn_checks.one_versus_rest(found)
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
    return ConvertedLoss(Huber(max(epsilon, 1e-30)), numbers, k, k) if loss == "huber" else rows[loss]


def constant_of(converted: ConvertedLoss, y: NDArray[Any], weight: NDArray[Any] | None) -> float:
    """Return what scikit-learn's reported loss has besides gdcore's: the part of Poisson's that no output changes."""
    if not converted.deviance:
        return 0.0
    return float(np.sum(np.average(xlogy(y, y) - y, weights=weight, axis=0)))


def takes_weights(loss: Loss | CustomLoss) -> bool:
    """Return whether a loss takes sample weights: all but a user's own function do."""
    return isinstance(loss, Loss | WeightedLoss)
