"""An activation's value and slope, and how far roundoff and a kink within reach may put them off."""

from __future__ import annotations

import numpy as np

from ..._kernels import load
from ...layers.activations import ActivationLike, get_activation
from ..slopes.evaluator import Vector
from .kinds.kind import ELEMENTARY


def at_ends(activation: ActivationLike, z: Vector) -> tuple[Vector, Vector]:
    """Return value and slope of an activation at z (n, k)."""
    flat = np.ascontiguousarray(z).ravel()
    value, slope = np.empty_like(flat), np.empty_like(flat)
    row = get_activation(activation)
    load("float64").activation(row.name, flat, value, slope, row.option)
    return value.reshape(z.shape), slope.reshape(z.shape)


def activation_errors(
    activation: ActivationLike, z: Vector, z_error: Vector, eps: float
) -> tuple[Vector, Vector, Vector, Vector]:
    """Return arrays (n, k): the value's possible error, the slope's size, its possible error, and the jump in that."""
    (value, slope), *ends = (at_ends(activation, z + sign * z_error) for sign in (0, 1, -1))
    value_error, slope_error = (
        np.maximum(np.abs(up - here), np.abs(down - here)) for here, up, down in zip((value, slope), *ends, strict=True)
    )
    row = get_activation(activation)
    near = np.array([np.abs(z - kink) <= z_error for kink in row.kinks], np.bool_)
    jump = np.where(near.any(axis=0), slope_error, 0.0)
    if activation != "identity":
        value_error += ELEMENTARY * eps * np.abs(z if row.cancels else value)
        slope_error = slope_error + ELEMENTARY * eps * (1 + np.abs(slope))
    return value_error, np.abs(slope), slope_error, jump
