"""The loss of a model on samples: its mean, and with penalties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, NDArray

from .. import checks
from ..batches import Samples
from ..losses import CustomLoss, Loss, get_loss
from .layers import dropout_key
from .samples import model_samples

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
        From `model_samples`, for this loss.
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


def objective_value(
    model: Sequential, X: ArrayLike, y: ArrayLike, loss: str | Loss | CustomLoss, sample_weight: ArrayLike | None,
    l1: float, l2: float, dropout_seed: int | None, grad: NDArray[Any] | None = None,
) -> float:  # fmt: skip
    """What `Sequential.loss` does, and `loss_and_grad` where `grad` (n_params,) is given."""
    kind = get_loss(loss)
    data = model_samples(model, X, y, sample_weight, kind)
    l1, l2 = checks.nonnegative("l1", l1), checks.nonnegative("l2", l2)
    return model._evaluate(data, kind, l1, l2, dropout_key(dropout_seed), grad)
