"""The parameters of the multilayer perceptrons, checked before anything else is looked at."""

from __future__ import annotations

from typing import Any

from ..base import checks
from ..optimizers import OPTIMIZERS, Optimizer
from ..optimizers.full_batch import LBFGS
from ..schedules import Schedule
from . import checks as sklearn_checks
from .loss_names import check_loss

RATES = ("constant", "invscaling", "adaptive")
FIXED = "learning_rate_init={value:g}"
"""How to pass a rate that does not change."""
MAX_BATCH = 2**40
SOLVERS = tuple(dict.fromkeys(["adam", "sgd", "lbfgs", *OPTIMIZERS.by_name]))
"""Names of solvers, scikit-learn's first."""


def solver_name(solver: Any) -> str:
    """Return a solver's name in lower case; "" for a record."""
    return solver.lower() if isinstance(solver, str) else ""


def check_solver(solver: Any) -> None:
    """Check a solver: a name, an optimizer or `LBFGS`."""
    if not isinstance(solver, Optimizer | LBFGS):
        checks.known_name("solver", solver, SOLVERS)


def check_parameters(est: Any, estimator: str) -> None:
    """Check the parameters of an `MLPClassifier` or `MLPRegressor`; `estimator` is which of the two.

    Raises
    ------
    TypeError, ValueError
        Naming the parameter, what was received, what is required and the remedy.
    """
    sklearn_checks.hidden_sizes(est.hidden_layer_sizes)
    check_solver(est.solver)
    check_loss(est.loss, estimator)
    if estimator == "MLPClassifier":
        sklearn_checks.class_weights(est.class_weight)
    if est.batch_size != "auto":
        checks.integer("batch_size", est.batch_size, 1, MAX_BATCH)
    named = isinstance(est.learning_rate, str) and est.learning_rate in RATES
    if not named and not isinstance(est.learning_rate, Schedule):
        raise sklearn_checks.unknown_rate(est.learning_rate, RATES, FIXED)
    sklearn_checks.fixed_rate("learning_rate_init", est.learning_rate_init, RATES)
    checks.positive("epsilon", est.epsilon)
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
