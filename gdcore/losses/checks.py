"""Checks of the losses' arguments; each error says what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.checks import plain_array, short


def logits(value: object, axis: object) -> NDArray[Any]:
    """Check and return real numbers in float32 or float64, with entries along an axis."""
    array = plain_array("outputs", value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"outputs has dtype {array.dtype}; expected real numbers")
    if isinstance(axis, bool) or not isinstance(axis, int) or not -array.ndim <= axis < array.ndim:
        raise ValueError(f"axis must be an axis of the outputs' shape {array.shape}, got {short(axis)}")
    if array.shape[axis] == 0:
        raise ValueError(f"outputs has shape {array.shape}; expected at least one entry along axis {axis}")
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
