"""Optimizers: frozen records of hyper-parameters; PyTorch's formulas, defaults and names, and Lion."""

from __future__ import annotations

from ..base import checks as base_checks
from .adam import Adam, Adamax, AdamW, NAdam, RAdam
from .adaptive import Adadelta, Adagrad, RMSprop
from .base import Optimizer
from .lion import Lion
from .sgd import SGD
from .state import OptimizerState

OPTIMIZERS: tuple[type[Optimizer], ...] = (
    SGD,
    Adagrad,
    RMSprop,
    Adadelta,
    Adam,
    AdamW,
    NAdam,
    Adamax,
    RAdam,
    Lion,
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
    if isinstance(spec, Optimizer):
        return spec
    by_name = {optimizer.rule: optimizer for optimizer in OPTIMIZERS}
    return by_name[base_checks.known_name("optimizer", spec, tuple(by_name))]()


__all__ = [
    "OPTIMIZERS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Lion", "NAdam", "Optimizer",
    "OptimizerState", "RAdam", "RMSprop", "get_optimizer",
]  # fmt: skip
