"""Begin a training: bind a stack and settings to the kernels.

Design
------
All memory of a training is allocated here: workspace, gradient, optimizer state, average. A step passes array pointers
and allocates nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._kernels import load
from .._kernels.records import RuleState, StepOptions
from ..base.memory import aligned_zeros
from ..layers.layer import Trained
from ..layers.stack import Stack
from ..losses import Loss, MeanSquaredError
from ..schedules import Schedule
from .settings import Settings, chosen_seed
from .state import TrainingState


def begin(stack: Stack, settings: Settings) -> TrainingState:
    """Return the state of a training before its first step; the stack remembers the loss.

    Parameters
    ----------
    stack : Stack
    settings : Settings
        Checked for this stack.
    """
    rule, average, rate = settings.rule, settings.average, settings.rule.learning_rate
    seed = chosen_seed(settings.seed, stack.seed)
    custom = not isinstance(settings.loss, Loss)
    loss = settings.loss if isinstance(settings.loss, Loss) else MeanSquaredError()  # never evaluated if it is custom
    slots, grads = rule.init(stack.n_params, stack.dtype), aligned_zeros(stack.n_params, stack.dtype)
    mean = None if average is None else np.zeros(stack.n_params)
    network = stack.bind(trains=True, blocks=not custom)
    run = load(stack.dtype).Training(
        network,
        loss.name,
        loss.option(),
        RuleState(
            rule.name,
            np.array(rule.hyper(), np.float64),
            slots.scalars,
            slots.memory,
            decay=rule.weight_decay,
            growth=rule.amplification(),
        ),
        grads,
        StepOptions(
            learning_rate=rate(0) if isinstance(rate, Schedule) else rate,
            l1=settings.l1,
            l2=settings.l2,
            clip_norm=settings.clip_norm or np.inf,
            clip_value=settings.clip_value or np.inf,
            seed=seed,
            factors=rate_factors(stack, settings),
        ),
    )
    if average is not None and mean is not None:
        run.keep_mean(mean, average.kernel_decay(), average.start)
    stack.trained_loss, stack.numbered_classes = settings.loss, False
    return TrainingState(stack, settings, network, run, grads, slots, mean, seed)


def rate_factors(stack: Stack, settings: Settings) -> NDArray[np.float64] | None:
    """Return the factors on the rates of each layer's weights and bias, (number of layers, 2), or None if all are 1."""
    names = iter(stack.names)
    factors = np.ones((len(stack.plain.layers), 2))
    for i, layer in enumerate(stack.plain.layers):
        if isinstance(layer, Trained):
            name = next(names)
            factors[i] = settings.rate_of(name), settings.rate_of(f"{name}.bias")
    return None if (factors == 1).all() else factors
