"""The loss of a model on samples: its mean, and with penalties."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, NDArray

from ..base import checks
from ..data.samples import Samples, take_samples
from ..layers.dropout import dropout_key
from ..layers.stack import Stack
from ..losses import CustomLoss, Loss, get_loss
from . import checks as objective_checks


def mean_loss(
    stack: Stack, data: Samples, loss: Loss | CustomLoss, key: int = 0, grad: NDArray[Any] | None = None
) -> float:
    """Return the mean loss of a model's outputs on checked samples.

    Parameters
    ----------
    stack : Stack
    data : Samples
        From `take_samples`, for this loss.
    loss : Loss or callable
    key : int, default 0
        From `dropout_key`; 0 leaves dropout out.
    grad : ndarray, shape (n_params,), optional
        Where the gradient is written.

    Examples
    --------
    >>> import numpy as np, gdcore as gd
    >>> line = gd.Sequential(gd.Dense(1, 1, bias=False, weight_init="ones", l2=1.0), dtype="float64")
    >>> data = Samples(np.array([[3.0]]), np.array([[1.0]]), None, None, None)
    >>> mean_loss(line.stack, data, gd.MeanSquaredError()), line.loss([[3.0]], [1.0], "mse")
    (4.0, 4.5)
    """
    trains = grad is not None or key != 0
    if isinstance(loss, Loss):
        return stack.network(trains).loss(
            loss.name, loss.option(), data.X, data.target, data.labels, data.weight, key, grad
        )
    network = stack.bind(trains=trains, blocks=False)
    outputs = network.outputs(data.X, key)[-1]
    value, delta = objective_checks.custom_result(loss(outputs, data.y), outputs.shape, stack.dtype)
    if grad is not None:
        network.gradient_from(data.X, delta, grad, key)
    return value


def evaluate(
    stack: Stack,
    data: Samples,
    loss: Loss | CustomLoss,
    l1: float = 0.0,
    l2: float = 0.0,
    key: int = 0,
    grad: NDArray[Any] | None = None,
) -> float:
    """Return the mean loss plus penalties on checked samples; write its gradient into `grad`."""
    value = mean_loss(stack, data, loss, key, grad)
    if l1 or l2 or any(layer.l1 or layer.l2 for layer in stack.dense):
        value += stack.network(grad is not None).penalty(l1, l2, grad)
    return value


def objective_value(
    stack: Stack,
    X: ArrayLike,
    y: ArrayLike,
    loss: str | Loss | CustomLoss,
    sample_weight: ArrayLike | None,
    l1: float,
    l2: float,
    dropout_seed: int | None,
    grad: NDArray[Any] | None = None,
) -> float:
    """Carry out `Sequential.loss`, and `loss_and_grad` if `grad` (n_params,) is given."""
    kind = get_loss(loss)
    data = take_samples(stack, X, y, sample_weight, kind)
    l1, l2 = checks.nonnegative("l1", l1), checks.nonnegative("l2", l2)
    return evaluate(stack, data, kind, l1, l2, dropout_key(dropout_seed), grad)
