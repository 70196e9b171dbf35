"""A model's objective around its parameters, in compiled code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, NDArray

from .._kernels import load
from ..base import checks
from ..base.memory import aligned_zeros
from ..data.samples import Samples, take_samples
from ..layers.stack import Stack
from ..losses import CustomLoss, Loss, get_loss

if TYPE_CHECKING:
    from .._kernels.base_float64 import Probe


def probe_of(
    stack: Stack, data: Samples, loss: Loss | CustomLoss | None, l1: float = 0.0, l2: float = 0.0, key: int = 0
) -> Probe:
    """Return the objective around `stack.params`, which must not change while it is in use.

    Parameters
    ----------
    stack : Stack
    data : Samples
        From `take_samples`, for this loss.
    loss : Loss, callable or None
        What a callable adds is left to Python: the probe knows of the outputs and the penalties, as it does without.
    l1, l2 : float, default 0
    key : int, default 0
        From `dropout_key`; 0 leaves dropout out.
    """
    name, option = (loss.name, loss.option()) if isinstance(loss, Loss) else (None, 0.0)
    return load(stack.dtype).Probe(
        stack.bind(trains=False), name, option, data.X, data.target, data.labels, data.weight, key, l1, l2
    )


def twice_differentiable(loss: Loss | CustomLoss, remedy: str = "") -> Loss:
    """Check and return a loss whose second derivatives the kernels know."""
    return checks.instance("loss", loss, Loss, f"'mean_squared_error'{remedy}")  # type: ignore[type-abstract]


def hessian_vector(
    stack: Stack,
    X: ArrayLike,
    y: ArrayLike,
    loss: str | Loss,
    v: ArrayLike,
    sample_weight: ArrayLike | None,
    l2: float,
) -> NDArray[Any]:
    """Carry out `Sequential.hessian_vector`.

    Examples
    --------
    >>> import gdcore as gd
    >>> line = gd.LinearModel(1, bias=False, dtype="float64")
    >>> line.hessian_vector([[3.0]], [1.0], "mse", [1.0])   # of (3 w - 1)^2
    array([18.])
    """
    kind = twice_differentiable(get_loss(loss))
    data = take_samples(stack, X, y, sample_weight, kind)
    l2 = checks.nonnegative("l2", l2)
    direction = checks.vector("v", checks.numbers_array("v", v, stack.dtype), stack.n_params, stack.dtype)
    product = aligned_zeros(stack.n_params, stack.dtype)
    probe_of(stack, data, kind, l2=l2).hessian_vector(direction, product)
    return product
