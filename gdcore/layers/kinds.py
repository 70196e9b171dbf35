"""The kinds of layers, by name."""

from __future__ import annotations

from ..base.record import Record, Registry
from .layer import KINDS

LAYERS: Registry[type[Record]] = Registry("layer", KINDS)
