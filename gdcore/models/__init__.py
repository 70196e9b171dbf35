"""Models: layers as records, and the stack that holds their parameters."""

from .builders import MLP, LinearModel
from .layers import Dense, Dropout, Layer
from .scaling import Log1p, MinMax, Standardize
from .sequential import Sequential
from .target import ScaledTarget

__all__ = [
    "MLP", "Dense", "Dropout", "Layer", "LinearModel", "Log1p", "MinMax", "ScaledTarget", "Sequential", "Standardize",
]  # fmt: skip
