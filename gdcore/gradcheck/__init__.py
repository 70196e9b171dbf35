"""The gradient checker."""

from .check import check_gradients
from .report import GradientError, GradientReport

__all__ = ["GradientError", "GradientReport", "check_gradients"]
