"""The parameters of the linear models, checked before anything else is looked at."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import checks
from ..schedules import Schedule
from ..training import Average
from . import checks as sklearn_checks
from .loss_names import check_loss
from .warn import warn

RATES = ("constant", "optimal", "invscaling", "adaptive")
FIXED = "learning_rate='constant', eta0={value:g}"
"""How to pass a rate that does not change."""
PASSIVE = ("pa1", "pa2")
PENALTIES = ("l2", "l1", "elasticnet")


def penalty_name(penalty: Any) -> Any:
    """Return the name of a penalty in lower case; what is no name as it is."""
    return penalty.lower() if isinstance(penalty, str) else penalty


def check_parameters(est: Any, classifies: bool) -> None:
    """Check the parameters of an `SGDClassifier` or `SGDRegressor`.

    Raises
    ------
    TypeError, ValueError
        Naming the parameter, what was received, what is required and the remedy.
    """
    _check_rate(est)
    if penalty_name(est.penalty) == "none":
        raise ValueError(f"penalty must be {' or '.join(map(repr, PENALTIES))}, or None, got 'none': pass penalty=None")
    if est.penalty is not None:
        checks.one_of("penalty", penalty_name(est.penalty), PENALTIES)
    for name in ("alpha", "epsilon"):
        checks.nonnegative(name, getattr(est, name))
    if penalty_name(est.penalty) == "elasticnet" and est.l1_ratio is None:
        raise ValueError("l1_ratio must be set when penalty is 'elasticnet'")
    if est.l1_ratio is not None:
        checks.between("l1_ratio", est.l1_ratio, 0, 1)
    for name in ("max_iter", "n_iter_no_change", "batch_size"):
        checks.integer(name, getattr(est, name), 1)
    for name in ("fit_intercept", "shuffle", "early_stopping", "warm_start"):
        sklearn_checks.flag(name, getattr(est, name))
    if est.tol is not None and est.tol != -np.inf:
        checks.nonnegative("tol", est.tol)
    sklearn_checks.fraction("validation_fraction", est.validation_fraction)
    if not isinstance(est.average, Average):
        sklearn_checks.first_average(est.average)
    if classifies:
        sklearn_checks.class_weights(est.class_weight)
    if est.clip_norm is not None:
        checks.positive("clip_norm", est.clip_norm)
    check_loss(est.loss, "SGDClassifier" if classifies else "SGDRegressor")


def _check_rate(est: Any) -> None:
    """Check the learning rate and its parameters."""
    sklearn_checks.fixed_rate("eta0", est.eta0, RATES)
    if isinstance(est.learning_rate, Schedule):
        return
    named = isinstance(est.learning_rate, str)
    if named and est.learning_rate in PASSIVE:
        raise sklearn_checks.passive_aggressive(est.learning_rate)
    if not named or est.learning_rate not in RATES:
        raise sklearn_checks.unknown_rate(est.learning_rate, RATES, FIXED)
    if est.learning_rate == "optimal" and est.alpha == 0:
        raise ValueError(
            "alpha must be > 0 since learning_rate is 'optimal'. alpha is used to compute the optimal learning rate."
        )
    if checks.finite("power_t", est.power_t) < 0:
        warn(
            "Negative values for `power_t` are deprecated in scikit-learn 1.8 and will raise an error in 1.10. "
            "Use values in the range [0.0, inf) instead.",
            FutureWarning,
        )
