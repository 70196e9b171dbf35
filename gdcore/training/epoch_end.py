"""What stopping criteria and callbacks see of an epoch, and how they name the value to watch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import nan
from typing import Any, Literal, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from . import checks as training_checks
from .history import History
from .snapshot import Snapshot

Monitors = Mapping[str, bool | str | None]
"""What a fit measures: name -> whether greater is better, None if unknown, or the reason why it cannot be watched."""

Mode = Literal["auto", "min", "max"]
"""Whether smaller or greater is better; "auto" follows the loss or metric."""

When = Literal["before", "during", "after"]
"""When a value was measured, relative to the epoch's steps."""


class Measured(NamedTuple):
    """The parameters that a value belongs to, and when the model had them."""

    params: NDArray[Any]
    when: When
    """"before": they are those before the epoch's only step. "during": the value is a mean over the epoch's steps,
    and these are the parameters after the last one."""


@final
@dataclass(frozen=True)
class EpochEnd:
    """The state at the end of an epoch; in `minimize`, at the end of a step.

    Attributes
    ----------
    epoch, epochs : int
        Number of the epoch, from 0 within this fit, and number of epochs to run.
    values : mapping
        "loss", "val_loss" if there is validation data, and each metric by its name, with and without "val_".
    learning_rate : float
        Rate of the epoch's last step.
    gradient_norm : float
        Mean over the epoch's steps of the norm of the batch's gradient, penalties included, before clipping.
    seconds : float
        Time since the fit began.
    params : ndarray, shape (n_params,)
        The model's own vector, or the averaged parameters if validation measures those.
    gradient : callable
        () -> the gradient over all training data at the model's parameters, with penalties and without dropout. It is
        0 in frozen layers, and the subgradient of least size for a weight that is 0 under l1.
    mean_gradient : callable
        () -> the mean of the gradients of the epoch's steps; only for criteria whose `sums_gradients` returns True.
    own_params : ndarray, optional
        The model's own vector, if `params` is another one.
    loss_of : {"before", "during", "after"}, default "after"
        "before": "loss" belongs to the parameters before the epoch's only step. "during": it is a mean over the steps,
        each before its update. "after": it is the loss at `params`.
    before : ndarray, optional
        A copy of the model's vector before an epoch of one step, if a criterion needs it.
    history : History, optional
        What the fit has recorded so far; a callback finds the epoch's row in it.
    epochs_done : int, default 0
        Number of epochs over all fits of the trainer.
    snapshot : callable, optional
        () -> a `Snapshot` of the training, which `gdcore.save` saves as a trainer; None in `minimize`.

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
    history: History | None = None
    epochs_done: int = 0
    snapshot: Callable[[], Snapshot] | None = None

    @property
    def loss(self) -> float:
        """As in `History`."""
        return self.values["loss"]

    @property
    def val_loss(self) -> float:
        """As in `History`; NaN without validation data."""
        return self.values.get("val_loss", nan)

    def measured(self, name: str) -> Measured:
        """Return the parameters that the value of this name belongs to."""
        own = self.params if self.own_params is None else self.own_params
        if name.startswith("val_"):
            return Measured(self.params, "after")
        if name != "loss" or self.loss_of == "after":
            return Measured(own, "after")
        if self.loss_of == "before" and self.before is not None:
            return Measured(self.before, "before")
        return Measured(own, "during")

    def full_gradient_norm(self) -> float:
        """Return the norm of `gradient()`."""
        return norm(self.gradient())


class Monitored(NamedTuple):
    """A value by its name in `EpochEnd.values`, and whether greater is better."""

    name: str
    greater_is_better: bool


LARGE = 1e150
"""Numbers above this are scaled before they are squared; their sum of squares could overflow float64."""


def norm(vector: NDArray[Any]) -> float:
    """Return the Euclidean norm, summed in float64; large numbers are first divided by the largest."""
    values = vector.astype(np.float64)
    size = float(np.abs(values).max(initial=0.0))
    unit = size if LARGE < size < np.inf else 1.0
    return unit * float(np.linalg.norm(values / unit if unit != 1 else values))


def monitored(rule: object, monitor: str, mode: Mode, monitors: Monitors, argument: str = "monitor") -> Monitored:
    """Return what `rule` watches in a fit with these monitors; `argument` is the name that messages give `monitor`.

    Raises
    ------
    ValueError
        For a name that the fit does not have, for a metric without a value on these data, and where nothing says which
        way is better.
    """
    if monitor == "auto":
        monitor = "val_loss" if "val_loss" in monitors else "loss"
    training_checks.known_monitor(rule, monitor, tuple(monitors), argument)
    known = monitors[monitor]
    if isinstance(known, str):
        raise training_checks.no_value(rule, monitor, known)
    greater = {"auto": known, "min": False, "max": True}[mode]
    return Monitored(monitor, training_checks.known_direction(rule, monitor, greater))
