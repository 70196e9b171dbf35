"""The gradient checker."""

from .check import check_gradients
from .function_check import check_gradient
from .report.report import GradientError, GradientReport

__all__ = ["GradientError", "GradientReport", "check_gradient", "check_gradients"]
