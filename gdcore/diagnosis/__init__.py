"""What happened in a run, and why: bounds of the learning rate, the range test, and the diagnosis."""

from .bound import LearningRateBound, learning_rate_bound
from .diagnose import RULES, Rule, diagnose
from .finding import Diagnosis, Finding
from .range_test import RangeTest, find_learning_rate

__all__ = [
    "RULES",
    "Diagnosis",
    "Finding",
    "LearningRateBound",
    "RangeTest",
    "Rule",
    "diagnose",
    "find_learning_rate",
    "learning_rate_bound",
]
