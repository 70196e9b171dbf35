"""Averages of the parameters over the steps, kept beside the parameters.

Design
------
The records hold the settings. The mean itself is a float64 vector in the trainer, which the kernels update in the
same call as the step. There is no other state: a step's weight in the mean follows from the step's number.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

from ..base import checks
from ..base.record import Record, Registry


class Average(Record, ABC):
    """Interface of the averages; each one is a frozen dataclass."""

    start: int
    validate: bool

    @abstractmethod
    def kernel_decay(self) -> float:
        """Return the factor of the previous mean, or -1 if all steps count the same."""


@final
@dataclass(frozen=True, repr=False)
class Polyak(Average):
    """The plain mean of the parameters after each step, as PyTorch's AveragedModel.

    Parameters
    ----------
    start : int, default 0
        Number of first steps left out of the mean, so that it does not contain the initial parameters.
    validate : bool, default False
        Whether validation loss and validation metrics are computed from the mean, and a criterion that watches one of
        them restores the mean as well.

    References
    ----------
    Polyak, B. T. and Juditsky, A. B. (1992). Acceleration of stochastic approximation by averaging. SIAM Journal on
    Control and Optimization 30.

    Examples
    --------
    >>> import gdcore as gd
    >>> line = gd.LinearModel(1, bias=False, weight_init="zeros")
    >>> trainer = gd.Trainer(line, "mse", gd.SGD(0.25), average=gd.Polyak())
    >>> losses = [trainer.step([[1.0]], [1.0]) for _ in range(2)]
    >>> line.params, trainer.averaged    # after the steps: 0.5 and 0.75
    (array([0.75], dtype=float32), array([0.625], dtype=float32))
    """

    name = "polyak"

    start: int = 0
    validate: bool = False

    def __post_init__(self) -> None:
        checks.integer("start", self.start, 0, 2**62)
        checks.boolean("validate", self.validate)

    def kernel_decay(self) -> float:
        return -1.0


@final
@dataclass(frozen=True, repr=False)
class EMA(Average):
    """The exponential moving average, ``mean = decay * mean + (1 - decay) * params`` after each step, the first copied.

    PyTorch's AveragedModel with get_ema_multi_avg_fn(decay).

    Parameters
    ----------
    decay : float, default 0.999
        In [0, 1). The mean covers about the last 1 / (1 - decay) steps.
    start : int, default 0
        Number of first steps left out of the mean.
    validate : bool, default False
        As in `Polyak`.

    References
    ----------
    Ruppert, D. (1988). Efficient estimations from a slowly convergent Robbins-Monro process. Cornell University.

    Examples
    --------
    >>> import gdcore as gd
    >>> gd.EMA(0.99, start=100)
    EMA(decay=0.99, start=100)
    """

    name = "ema"

    decay: float = 0.999
    start: int = 0
    validate: bool = False

    def __post_init__(self) -> None:
        checks.in_range("decay", self.decay, 0, 1)
        checks.integer("start", self.start, 0, 2**62)
        checks.boolean("validate", self.validate)

    def kernel_decay(self) -> float:
        return float(self.decay)


AVERAGES: Registry[type[Average]] = Registry("average", (Polyak, EMA))
