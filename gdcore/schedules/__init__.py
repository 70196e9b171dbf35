"""Learning-rate schedules: frozen records, `schedule(step) -> rate`, to be given to an optimizer as its rate.

>>> import gdcore as gd
>>> gd.Adam(gd.schedules.Cosine(1e-3, 1000, warmup=50))
Adam(Cosine(0.001, 1000, warmup=50))
"""

from __future__ import annotations

from ..base.calls import explains_constructor
from ..base.record import Registry
from .base import Schedule
from .cycles import Cosine, OneCycle
from .decay import Constant, Exponential, InverseScaling, MultiStep, Polynomial, StepDecay
from .plateau import PlateauState, ReduceOnPlateau

SCHEDULES: Registry[type[Schedule]] = Registry(
    "schedule",
    (
        Constant,
        StepDecay,
        MultiStep,
        Exponential,
        InverseScaling,
        Polynomial,
        Cosine,
        OneCycle,
        ReduceOnPlateau,
    ),
)

__all__ = [
    "SCHEDULES",
    "Constant",
    "Cosine",
    "Exponential",
    "InverseScaling",
    "MultiStep",
    "OneCycle",
    "PlateauState",
    "Polynomial",
    "ReduceOnPlateau",
    "Schedule",
    "StepDecay",
]


def __dir__() -> list[str]:
    """Return only the public names."""
    return sorted(__all__)


for _kind in SCHEDULES:
    explains_constructor(_kind)
