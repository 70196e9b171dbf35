"""Diagnosis: learning-rate bounds, the range test, and what happened in a run and why."""

from .bound import LearningRateBound, learning_rate_bound
from .compare import Comparison, compare
from .diagnose import RULES, Rule, diagnose
from .finding import Diagnosis, Finding
from .preflight import Preflight, PreflightCheck, preflight
from .range_test import RangeTest, find_learning_rate

__all__ = [
    "RULES",
    "Comparison",
    "Diagnosis",
    "Finding",
    "LearningRateBound",
    "Preflight",
    "PreflightCheck",
    "RangeTest",
    "Rule",
    "compare",
    "diagnose",
    "find_learning_rate",
    "learning_rate_bound",
    "preflight",
]
