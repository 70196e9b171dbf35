"""The mean loss of a model on samples, without penalties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from .. import checks
from ..batches import Samples
from ..losses import CustomLoss, Loss

if TYPE_CHECKING:
    from .sequential import Sequential


def mean_loss(
    model: Sequential, data: Samples, loss: Loss | CustomLoss, key: int = 0, grad: NDArray[Any] | None = None
) -> float:
    """The loss that a model's outputs have on samples that were checked before.

    Parameters
    ----------
    model : Sequential
    data : Samples
        From `gdcore.batches.take_samples`, for this loss.
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
    >>> mean_loss(line, data, gd.MeanSquaredError()), line.loss([[3.0]], [1.0], "mse")
    (4.0, 4.5)
    """
    trains = grad is not None or key != 0
    if isinstance(loss, Loss):
        return model._network(trains).loss(
            loss.name, loss.option(), data.X, data.target, data.labels, data.weight, key, grad
        )
    network = model._bind(trains=trains, blocks=False)
    outputs = network.outputs(data.X, key)[-1]
    value, delta = checks.custom_result(loss(outputs, data.y), outputs.shape, model.dtype)
    if grad is not None:
        network.gradient_from(data.X, delta, grad, key)
    return value
