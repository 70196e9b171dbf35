"""The kinds of layers, by name."""

from __future__ import annotations

from ..base.record import Record, Registry
from .dense import Dense
from .dropout import Dropout
from .scaling import Log1p, MinMax, Standardize
from .target import ScaledTarget

LAYERS: Registry[type[Record]] = Registry("layer", (Dense, Dropout, Standardize, MinMax, Log1p, ScaledTarget))
