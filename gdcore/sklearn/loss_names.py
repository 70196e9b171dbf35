"""The names of losses that each estimator takes, and what it says of the others."""

from __future__ import annotations

from typing import Any

from ..base import checks
from ..losses import LOSSES, CustomLoss, Loss, get_loss
from . import checks as sklearn_checks

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

THEIRS: dict[str, tuple[str, ...]] = {
    "MLPClassifier": ("log_loss",),
    "MLPRegressor": ("squared_error", "poisson"),
    "SGDClassifier": LINEAR,
    "SGDRegressor": LINEAR[5:],
}
"""Names of losses that each estimator takes in scikit-learn's units."""

FORMER = {"log": "log_loss", "logloss": "log_loss", "squared_loss": "squared_error"}
"""Names that losses of scikit-learn had, or that are taken for theirs."""

TARGETS: dict[str, tuple[str, ...]] = {
    "MLPClassifier": ("real", "unit", "sign", "class"),
    "MLPRegressor": ("real", "nonnegative"),
    "SGDClassifier": ("real", "unit", "sign"),
    "SGDRegressor": ("real", "nonnegative"),
}
"""What a loss of gdcore's may take as targets in each estimator; the -1 and 1 of a classifier are real numbers too."""


def names_for(estimator: str) -> tuple[str, ...]:
    """Return the names of losses that an estimator takes: scikit-learn's first.

    Examples
    --------
    >>> names_for("MLPRegressor")[:4]
    ('squared_error', 'poisson', 'mean_squared_error', 'mse')
    """
    taken = [loss for loss in LOSSES if loss.target in TARGETS[estimator]]
    return tuple(dict.fromkeys([*THEIRS[estimator], *(name for loss in taken for name in (loss.name, *loss.aliases))]))


def theirs(loss: Any, estimator: str) -> str:
    """Return scikit-learn's name of a loss that an estimator takes under it, in lower case; "" for any other loss."""
    word = loss.lower() if isinstance(loss, str) else ""
    return word if word in THEIRS[estimator] else ""


def named_loss(loss: Any, estimator: str) -> Loss | CustomLoss:
    """Return the loss of gdcore's that a name means, or the record or the function that was given.

    Raises
    ------
    TypeError, ValueError
        For an unknown name, one that another estimator takes, and a loss of targets that this one does not have.
    """
    if isinstance(loss, str) and loss.lower() not in LOSSES.by_name:
        raise _unknown(loss, estimator)
    if not isinstance(loss, str | Loss) and not callable(loss):
        raise sklearn_checks.no_loss(loss, names_for(estimator), estimator)
    found = get_loss(loss)
    if isinstance(found, Loss) and found.target not in TARGETS[estimator]:
        if estimator == "SGDClassifier" and found.target == "class":
            raise sklearn_checks.one_versus_rest(found)
        if "nonnegative" in TARGETS[estimator]:
            raise sklearn_checks.for_numbers(found)
        raise sklearn_checks.for_counts(found, estimator, names_for(estimator))
    return found


def check_loss(loss: Any, estimator: str) -> None:
    """Check a loss before anything else is looked at, as `named_loss` does."""
    if not theirs(loss, estimator):
        named_loss(loss, estimator)


def _unknown(loss: str, estimator: str) -> ValueError:
    """Return the error for a name that no loss of gdcore has."""
    known, word = names_for(estimator), loss.lower()
    meant = FORMER.get(word, "")
    if meant in THEIRS[estimator]:
        return sklearn_checks.former_name(loss, meant, THEIRS[estimator])
    owners = [kind for kind, names in THEIRS.items() if (meant or word) in names]
    if owners:
        return sklearn_checks.loss_elsewhere(meant or word, estimator, owners, known)
    return checks.unknown_name("loss", loss, known)
