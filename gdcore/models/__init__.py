"""Models: layers as records, and the stack that holds their parameters."""

from .builders import MLP, LinearModel
from .layers import Dense, Dropout, Layer
from .sequential import Sequential

__all__ = ["MLP", "Dense", "Dropout", "Layer", "LinearModel", "Sequential"]
