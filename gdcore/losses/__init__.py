"""Losses on raw outputs, averaged over samples and outputs: frozen records of hyper-parameters.

CONTRIBUTING has the recipe to add one.
"""

from __future__ import annotations

from ..base.record import Registry
from .base import CustomLoss, Loss
from .classification import BinaryCrossEntropy, CrossEntropy, Hinge, ModifiedHuber, Perceptron, SquaredHinge
from .regression import (
    EpsilonInsensitive,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanSquaredError,
    Poisson,
    Quantile,
    SquaredEpsilonInsensitive,
)

__all__ = [
    "LOSSES",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "CustomLoss",
    "EpsilonInsensitive",
    "Hinge",
    "Huber",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "ModifiedHuber",
    "Perceptron",
    "Poisson",
    "Quantile",
    "SquaredEpsilonInsensitive",
    "SquaredHinge",
    "get_loss",
    "losses_of",
]

LOSSES: Registry[type[Loss]] = Registry(
    "loss",
    (
        MeanSquaredError,
        MeanAbsoluteError,
        Huber,
        LogCosh,
        Quantile,
        EpsilonInsensitive,
        SquaredEpsilonInsensitive,
        Poisson,
        BinaryCrossEntropy,
        CrossEntropy,
        Hinge,
        SquaredHinge,
        ModifiedHuber,
        Perceptron,
    ),
)


def losses_of(*targets: str) -> tuple[str, ...]:
    """Return the names of the losses that take some kinds of targets, kind by kind, as messages list them.

    Examples
    --------
    >>> losses_of("unit", "sign")
    ('binary_cross_entropy', 'hinge', 'squared_hinge', 'modified_huber', 'perceptron')
    """
    return tuple(loss.name for target in targets for loss in LOSSES if loss.target == target)


def get_loss(spec: str | Loss | CustomLoss) -> Loss | CustomLoss:
    """Return the loss that `spec` stands for.

    Parameters
    ----------
    spec : str, Loss or callable
        A name or alias (its record with the defaults), a record, or any callable
        (outputs, y) -> (value, d value / d outputs), which is returned as it is.

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones and the nearest.

    Examples
    --------
    >>> get_loss("mse")
    MeanSquaredError()
    """
    if isinstance(spec, Loss) or (callable(spec) and not isinstance(spec, type)):
        return spec
    if isinstance(spec, type) and issubclass(spec, Loss):
        raise TypeError(f"loss must be a record, got the class {spec.__name__}: pass {spec.__name__}()")
    return LOSSES.find(spec)()
