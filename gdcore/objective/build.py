"""Objectives of what a user passes: a model, arrays, a loss and penalties, all checked."""

from __future__ import annotations

from ..base import checks
from ..data.samples import take_samples
from ..data.sparse_checks import dense_only
from ..layers.stack import Model, Stack, stack_of
from ..losses import CustomLoss, Loss, get_loss
from .objective import Objective


def objective_of(
    stack: Stack,
    X: object,
    y: object,
    loss: str | Loss | CustomLoss,
    sample_weight: object = None,
    l1: float = 0.0,
    l2: float = 0.0,
    dtype: str | None = None,
) -> Objective:
    """Return the objective of a stack itself, without dropout.

    Parameters
    ----------
    stack : Stack
    X, y, loss, sample_weight, l1, l2
        As in `Sequential.loss`.
    dtype : {"float32", "float64"}, optional
        Precision of the samples; by default the stack's. float64 keeps them as given for `Objective.wide`.

    Raises
    ------
    TypeError, ValueError
        For invalid arguments.
    """
    kind = get_loss(loss)
    data = take_samples(stack, X, y, sample_weight, kind, dtype)
    return Objective(stack, data, kind, checks.nonnegative("l1", l1), checks.nonnegative("l2", l2))


def wide_objective(
    model: Model,
    X: object,
    y: object,
    loss: str | Loss | CustomLoss,
    sample_weight: object = None,
    l1: float = 0.0,
    l2: float = 0.0,
) -> Objective:
    """Return the objective of a float64 copy of a model on the samples as given, without dropout.

    Outputs and targets are standardized if the model's are.

    Parameters
    ----------
    model : Sequential
    X, y, loss, sample_weight, l1, l2
        As in `Sequential.loss`.

    Raises
    ------
    TypeError, ValueError
        If there is no such model, and for invalid arguments.

    Examples
    --------
    >>> import gdcore as gd
    >>> line = gd.LinearModel(1, bias=False, weight_init="ones")
    >>> wide_objective(line, [[0.1]], [1.0], "mse").gradient().round(9)   # of (0.1 w - 1)^2 at 1
    array([-0.18])
    """
    dense_only(X)
    return objective_of(stack_of(model), X, y, loss, sample_weight, l1, l2, "float64").wide()
