"""The stopping criteria, by name."""

from __future__ import annotations

from ...base.record import Registry
from .base import StoppingCriterion
from .early_stopping import EarlyStopping
from .thresholds import GradientNormThreshold, LossThreshold, RelativeChange, TimeLimit

CRITERIA: Registry[type[StoppingCriterion]] = Registry(
    "stopping criterion",
    (EarlyStopping, LossThreshold, GradientNormThreshold, RelativeChange, TimeLimit),
)
