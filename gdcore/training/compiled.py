"""Convert a trainer's settings to what the kernels take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._kernels import Kernels
from ..layers.layer import Trained
from ..losses import Loss, MeanSquaredError
from ..objective.evaluate import evaluate
from ..objective.penalties import least_subgradient, penalty_vectors
from ..schedules import Schedule

if TYPE_CHECKING:
    from .._kernels.base_float64 import Training
    from ..data.samples import Samples
    from .trainer import Trainer


def compiled(trainer: Trainer, kernels: Kernels) -> Training:
    """Return the compiled training step, which updates the trainer's network, gradient and optimizer state in place."""
    rule, state = trainer._rule, trainer._state
    loss = trainer.loss if isinstance(trainer.loss, Loss) else MeanSquaredError()  # never evaluated for a custom loss
    rate = rule.learning_rate
    run = kernels.Training(
        trainer._network,
        loss.name,
        loss.option(),
        rule.rule,
        np.array(rule.hyper(), np.float64),
        state.scalars,
        state.memory,
        trainer._grads,
        learning_rate=rate(0) if isinstance(rate, Schedule) else rate,
        decay=rule.weight_decay,
        growth=rule.amplification(),
        l1=trainer.l1,
        l2=trainer.l2,
        clip_norm=trainer.clip_norm or np.inf,
        clip_value=trainer.clip_value or np.inf,
        seed=trainer.seed,
        factors=rate_factors(trainer),
    )
    if trainer.average is not None and trainer._mean is not None:
        run.keep_mean(trainer._mean, trainer.average.kernel_decay(), trainer.average.start)
    return run


def rate_factors(trainer: Trainer) -> NDArray[np.float64] | None:
    """Return a factor on each layer's rate, (number of layers,), or None if all are 1."""
    rates = iter([trainer.layer_rates.get(name, 1.0) for name in trainer.stack.names])
    layers = trainer.stack.plain.layers
    factors = np.array([next(rates) if isinstance(layer, Trained) else 1.0 for layer in layers])
    return None if (factors == 1).all() else factors


def full_gradient(trainer: Trainer, data: Samples) -> NDArray[np.floating]:
    """Return the gradient that training follows, (n_params,): all data, no dropout, with penalties, 0 in frozen layers.

    For a weight that is 0 under an l1 penalty it is the subgradient of least size.
    """
    stack, grad = trainer.stack, np.zeros_like(trainer._grads)
    evaluate(stack, data, trainer.loss, trainer.l1, trainer.l2, 0, grad)
    least_subgradient(stack.params, grad, penalty_vectors(stack, trainer.l1, trainer.l2)[0])
    for block, view in stack.views(grad):
        if trainer.layer_rates.get(block.layer) == 0:
            view[...] = 0
    return grad
