"""The loss and the objective of a stack whose parameters change from call to call, as training needs them."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ..data.samples import Samples
from ..layers.stack import Stack
from ..losses import CustomLoss, Loss
from .objective import Objective


def mean_loss(stack: Stack, data: Samples, loss: Loss | CustomLoss) -> float:
    """Return the mean loss on checked samples, without penalties and dropout.

    Examples
    --------
    >>> import numpy as np, gdcore as gd
    >>> line = gd.Sequential(gd.Dense(1, 1, bias=False, weight_init="ones", l2=1.0), dtype="float64")
    >>> data = Samples(np.array([[3.0]]), np.array([[1.0]]), None, None, None)
    >>> mean_loss(line.stack, data, gd.MeanSquaredError()), line.loss([[3.0]], [1.0], "mse")
    (4.0, 4.5)
    """
    return Objective(stack, data, loss).mean_loss()


def evaluate(
    stack: Stack, data: Samples, loss: Loss | CustomLoss, l1: float, l2: float, key: int, grad: NDArray[Any]
) -> float:
    """Return the mean loss plus penalties on checked samples; write its gradient into `grad`, shape (n_params,)."""
    return Objective(stack, data, loss, l1, l2, key).write_gradient(grad)
