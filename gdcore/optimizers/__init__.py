"""Optimizers: frozen records of hyper-parameters; PyTorch's formulas, defaults and names, and Lion."""

from __future__ import annotations

from ..base.record import Registry
from .adam import Adam, Adamax, AdamW, NAdam, RAdam
from .adaptive import Adadelta, Adagrad, RMSprop
from .base import Optimizer, OptimizerState
from .lion import Lion
from .sgd import SGD

OPTIMIZERS: Registry[type[Optimizer]] = Registry(
    "optimizer",
    (SGD, Adagrad, RMSprop, Adadelta, Adam, AdamW, NAdam, Adamax, RAdam, Lion),
)


def get_optimizer(spec: Optimizer | str) -> Optimizer:
    """Return the optimizer that `spec` is or names, with its defaults.

    Parameters
    ----------
    spec : Optimizer or str
        A record, or the name of one in any case: "sgd", "adam", "RMSprop", …

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones and the nearest.
    TypeError
        For anything else.

    Examples
    --------
    >>> get_optimizer("adam")
    Adam(0.001)
    """
    return spec if isinstance(spec, Optimizer) else OPTIMIZERS.find(spec)()


__all__ = [
    "OPTIMIZERS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Lion", "NAdam", "Optimizer",
    "OptimizerState", "RAdam", "RMSprop", "get_optimizer",
]  # fmt: skip
