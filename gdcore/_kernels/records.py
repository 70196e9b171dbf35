"""Arguments that the kernels take together."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class RuleState(NamedTuple):
    """An optimizer's update rule with its state, which the kernels update in place."""

    name: str
    hyper: NDArray[np.float64]
    """The record's hyper-parameters, in the order of its `hyper()`."""
    scalars: NDArray[np.float64]
    slots: NDArray[Any]
    """An array (number of slots, number of parameters or more)."""
    decay: float = 0.0
    """The weight decay."""
    growth: float = 1.0
    """The largest factor by which a step multiplies a slot: the record's `amplification()`."""


class StepOptions(NamedTuple):
    """What a training step does besides following the gradient."""

    learning_rate: float
    l1: float = 0.0
    l2: float = 0.0
    clip_norm: float = np.inf
    """The largest norm of the gradient; infinity for no limit."""
    clip_value: float = np.inf
    """The largest size of an entry of the gradient; infinity for no limit."""
    seed: int = 0
    """The seed of the dropout masks."""
    factors: NDArray[np.float64] | None = None
    """Factors on the rates of the layers' weights and biases, (number of layers, 2); None if all are 1."""
