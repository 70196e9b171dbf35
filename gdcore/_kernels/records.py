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


class ModelOptions(NamedTuple):
    """One model's row of `ModelStates.options`, in the order of the kernels' columns."""

    learning_rate: float
    l1: float
    l2: float
    clip_norm: float
    """Infinity for no limit."""
    clip_value: float
    """Infinity for no limit."""
    decay: float
    """The weight decay."""
    growth: float
    """The growth of `RuleState`."""


class ModelStates(NamedTuple):
    """What many models of one shape have each, a row per model; the kernels update it in place."""

    params: NDArray[Any]
    """(n_models, n_params)"""
    slots: NDArray[Any]
    """(n_models, number of slots, n_params)"""
    scalars: NDArray[np.float64]
    """(n_models, N_SCALARS), those of the rules."""
    hyper: NDArray[np.float64]
    """(n_models, number of hyper-parameters)"""
    options: NDArray[np.float64]
    """(n_models, 7): a `ModelOptions` each."""
    seeds: NDArray[np.uint64]
    """(n_models,), of shuffling and dropout."""
    counts: NDArray[np.int64]
    """(n_models, 2): steps and epochs made so far."""
    active: NDArray[np.uint8]
    """(n_models,): whether it takes part. A model whose step is refused no longer does."""
    outcomes: NDArray[np.int64]
    """(n_models,): 0, or why its step was refused: 1 the loss, 2 the gradient, 3 the parameters were not finite."""
    means: NDArray[np.float64] | None = None
    """(n_models, n_params): the averages of the parameters, if there are any."""
    dropout: NDArray[np.float64] | None = None
    """(n_models, number of layers): rates of the layers that drop; None if all models have the network's."""
