"""Dropout as the checker sees it: an elementwise function whose slope is its mask."""

from __future__ import annotations

import numpy as np

from ....layers.dropout import Dropout
from ...slopes.evaluator import Vector
from .kind import Given, Kind, Passed, Precision, layer_itself


def elementwise(layer: Dropout, z: Vector, mask: Vector | None) -> tuple[Vector, Vector]:
    """Return z times the mask, and the mask."""
    assert mask is not None
    return z * mask, mask


def errors(layer: Dropout, given: Given, precision: Precision) -> tuple[Passed, Vector]:
    """Return the inputs' errors times the mask, and that of the product.

    The mask is read off inputs and outputs. An input that is 0 says nothing of it, and is taken as kept.
    """
    x, error, views, out = given
    eps, keep = precision.eps, 1 / (1 - layer.rate)
    mask = np.divide(out, x, out=np.full_like(x, keep), where=x != 0)
    passed = Passed(layer, x, error, error, mask, eps * mask, np.zeros_like(x), views)
    return passed, error * mask + eps * np.abs(out)


DROPOUT = Kind(filled=layer_itself, elementwise=elementwise, errors=errors)
