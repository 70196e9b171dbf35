"""Training: the trainer, its stopping criteria, and what it measures and records."""

from .averaging import AVERAGES, EMA, Average, Polyak
from .callbacks import Callback
from .epoch_end import EpochEnd
from .history import History
from .stopping.base import StoppingCriterion
from .stopping.early_stopping import EarlyStopping
from .stopping.registry import CRITERIA
from .stopping.thresholds import GradientNormThreshold, LossThreshold, RelativeChange, TimeLimit
from .trainer import Trainer

__all__ = [
    "AVERAGES", "CRITERIA", "EMA", "Average", "Callback", "EarlyStopping", "EpochEnd", "GradientNormThreshold",
    "History", "LossThreshold", "Polyak", "RelativeChange", "StoppingCriterion", "TimeLimit", "Trainer",
]  # fmt: skip
