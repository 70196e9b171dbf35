"""What stopping criteria and callbacks see, and how they name what they watch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import nan
from typing import Any, Literal, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from . import checks as training_checks

Monitors = Mapping[str, bool | str | None]
"""What a fit measures: name -> whether greater is better, None where that is not known, or why it cannot be watched."""

Mode = Literal["auto", "min", "max"]
"""Whether smaller or greater is better; "auto": as the loss or metric says."""

When = Literal["before", "during", "after"]
"""An epoch's steps."""


class Measured(NamedTuple):
    """The parameters that belong to a value, and when they were the model's."""

    params: NDArray[Any]
    when: When
    """"before": they are those before the epoch's only step. "during": the value is a mean over the epoch's steps,
    and these are the parameters after the last one."""


@final
@dataclass(frozen=True)
class EpochEnd:
    """The end of an epoch; in `minimize`, of a step.

    Attributes
    ----------
    epoch, epochs : int
        Counted from 0 within this fit, and how many were asked for.
    values : mapping
        "loss", "val_loss" where there is validation data, and each metric by its name, with and without "val_".
    learning_rate : float
        Of the epoch's last step.
    gradient_norm : float
        Mean over the epoch's steps of the norm of the batch's gradient, penalties included, before clipping.
    seconds : float
        Since the fit began.
    params : ndarray, shape (n_params,)
        The model's own vector; where validation measures the averaged parameters, those.
    gradient : callable
        () -> the gradient over all training data at the model's parameters, penalties included, dropout left out: 0 in
        frozen layers, and the least subgradient where a weight is 0 under l1.
    mean_gradient : callable
        () -> the mean of the gradients that the epoch's steps took; only for criteria that announce it.
    own_params : ndarray, optional
        The model's own vector, where `params` is not.
    loss_of : {"before", "during", "after"}, default "after"
        Whether "loss" is that of the parameters before the epoch's only step, a mean over the steps, each before its
        update, or the loss at `params`.
    before : ndarray, optional
        A copy of the model's vector before an epoch of one step, where a criterion has asked for it.

    Examples
    --------
    >>> import gdcore as gd
    >>> def low(end):
    ...     return f"low enough in epoch {end.epoch}" if end.loss < 0.25 else None
    >>> net = gd.LinearModel(1, bias=False, weight_init="zeros")
    >>> net.fit([[1.0]], [1.0], loss="mse", optimizer=gd.SGD(0.25), stop=low).stop_reason
    'low enough in epoch 2'
    """

    epoch: int
    epochs: int
    values: Mapping[str, float]
    learning_rate: float
    gradient_norm: float
    seconds: float
    params: NDArray[Any]
    gradient: Callable[[], NDArray[Any]]
    mean_gradient: Callable[[], NDArray[Any]]
    own_params: NDArray[Any] | None = None
    loss_of: When = "after"
    before: NDArray[Any] | None = None

    @property
    def loss(self) -> float:
        """As in `History`."""
        return self.values["loss"]

    @property
    def val_loss(self) -> float:
        """As in `History`; NaN without validation data."""
        return self.values.get("val_loss", nan)

    def measured(self, name: str) -> Measured:
        """The parameters that the value of this name belongs to."""
        own = self.params if self.own_params is None else self.own_params
        if name.startswith("val_"):
            return Measured(self.params, "after")
        if name != "loss" or self.loss_of == "after":
            return Measured(own, "after")
        if self.loss_of == "before" and self.before is not None:
            return Measured(self.before, "before")
        return Measured(own, "during")

    def full_gradient_norm(self) -> float:
        """Norm of `gradient()`."""
        return norm(self.gradient())


class Monitored(NamedTuple):
    """A value by its name in `EpochEnd.values`, and which way is better."""

    name: str
    greater_is_better: bool


LARGE = 1e150
"""Beyond it the sum of a few squares may pass what float64 holds."""


def norm(vector: NDArray[Any]) -> float:
    """The Euclidean norm, summed in float64; of numbers too large to be squared, in units of the largest."""
    values = vector.astype(np.float64)
    size = float(np.abs(values).max(initial=0.0))
    unit = size if LARGE < size < np.inf else 1.0
    return unit * float(np.linalg.norm(values / unit if unit != 1 else values))


def monitored(rule: object, monitor: str, mode: Mode, monitors: Monitors) -> Monitored:
    """What `rule` watches in a fit with these monitors.

    Raises
    ------
    ValueError
        For a name that the fit does not have, for a metric without a value on these data, and where nothing says which
        way is better.
    """
    if monitor == "auto":
        monitor = "val_loss" if "val_loss" in monitors else "loss"
    training_checks.known_monitor(rule, monitor, tuple(monitors))
    known = monitors[monitor]
    if isinstance(known, str):
        raise training_checks.no_value(rule, monitor, known)
    greater = {"auto": known, "min": False, "max": True}[mode]
    return Monitored(monitor, training_checks.known_direction(rule, monitor, greater))
