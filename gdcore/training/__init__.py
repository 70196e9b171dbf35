"""Training: the trainer, what stops it and what it records."""

from .history import History
from .stopping import EarlyStopping, EpochEnd, GradientNormThreshold, StoppingCriterion
from .trainer import Trainer

__all__ = ["EarlyStopping", "EpochEnd", "GradientNormThreshold", "History", "StoppingCriterion", "Trainer"]
