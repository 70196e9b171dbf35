"""Checks of what an objective returns; each error says what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..base.not_arrays import full_name
from ..losses import CustomLoss, Loss


def custom_result(value: object, shape: tuple[int, int], dtype: str) -> tuple[float, NDArray[Any]]:
    """Check and return a custom loss's value and d value / d outputs of the outputs' shape."""
    if not isinstance(value, tuple) or len(value) != 2:
        raise TypeError(f"a custom loss must return (value, d value / d outputs), got {full_name(type(value))}")
    loss, delta = np.asarray(value[0]), np.asarray(value[1])
    if loss.dtype.kind not in "biuf" or loss.shape != ():
        received = f"an array of shape {loss.shape}" if loss.shape else repr(value[0])
        raise TypeError(f"a custom loss must return a number first, got {received}")
    if delta.dtype.kind not in "biuf" or delta.shape != shape:
        raise ValueError(
            f"a custom loss returned a derivative of shape {delta.shape} and dtype {delta.dtype}; "
            f"expected the outputs' shape {shape} and real numbers (a y of shape (n,) broadcasts: use y[:, None])"
        )
    with np.errstate(over="ignore"):
        return float(loss), np.require(delta, dtype, ["C", "A"])


def twice_differentiable(loss: Loss | CustomLoss | None, remedy: str = "") -> Loss:
    """Check and return a loss whose second derivatives the kernels know."""
    return checks.instance("loss", loss, Loss, f"'mean_squared_error'{remedy}")  # type: ignore[type-abstract]
