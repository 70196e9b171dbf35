"""Models: layers described by records, and the network built from them."""

from ..layers.dense import Dense
from ..layers.dropout import Dropout
from ..layers.layer import Layer
from ..layers.layer_norm import LayerNorm
from ..layers.scaling import Log1p, MinMax, Standardize
from ..layers.target import ScaledTarget
from .builders import MLP, LinearModel
from .sequential import Sequential

__all__ = [
    "MLP",
    "Dense",
    "Dropout",
    "Layer",
    "LayerNorm",
    "LinearModel",
    "Log1p",
    "MinMax",
    "ScaledTarget",
    "Sequential",
    "Standardize",
]
