"""The parameters of the multilayer perceptrons, checked before anything else is looked at."""

from __future__ import annotations

from typing import Any

from ..base import checks
from ..optimizers import Optimizer, get_optimizer
from ..optimizers.full_batch import LBFGS
from ..schedules import Schedule
from . import checks as sklearn_checks

RATES = ("constant", "invscaling", "adaptive")
MAX_BATCH = 2**40


def check_parameters(est: Any) -> None:
    """Check the parameters of an `MLPClassifier` or `MLPRegressor`.

    Raises
    ------
    TypeError, ValueError
        Naming the parameter, what was received, what is required and the remedy.
    """
    sklearn_checks.hidden_sizes(est.hidden_layer_sizes)
    if not isinstance(est.solver, Optimizer | LBFGS) and not (isinstance(est.solver, str) and est.solver == "lbfgs"):
        get_optimizer(est.solver)
    if est.batch_size != "auto":
        checks.integer("batch_size", est.batch_size, 1, MAX_BATCH)
    if not isinstance(est.learning_rate, Schedule) and est.learning_rate not in RATES:
        raise sklearn_checks.unknown_rate(est.learning_rate, RATES)
    for name in ("learning_rate_init", "epsilon"):
        checks.positive(name, getattr(est, name))
    for name in ("alpha", "power_t", "tol", "l1"):
        checks.nonnegative(name, getattr(est, name))
    for name in ("max_iter", "max_fun"):
        checks.integer(name, getattr(est, name), 1)
    for name in ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping"):
        sklearn_checks.flag(name, getattr(est, name))
    for name in ("beta_1", "beta_2"):
        checks.in_range(name, getattr(est, name), 0, 1)
    checks.between("momentum", est.momentum, 0, 1)
    checks.in_range("validation_fraction", est.validation_fraction, 0, 1)
    sklearn_checks.patience("n_iter_no_change", est.n_iter_no_change)
