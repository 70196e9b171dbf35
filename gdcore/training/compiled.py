"""A trainer's settings as the kernels take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._kernels import Kernels
from ..losses import Loss, MeanSquaredError
from ..models.layers import Dense
from ..models.penalties import least_subgradient, penalty_vectors
from ..models.sequential import without_target_scale
from ..schedules import Schedule

if TYPE_CHECKING:
    from .._kernels.base_float64 import Training
    from ..batches import Samples
    from .trainer import Trainer


def compiled(trainer: Trainer, kernels: Kernels) -> Training:
    """The trainer's step over its network, gradient and optimizer's state, which it writes into."""
    rule, state = trainer._rule, trainer._state
    loss = trainer.loss if isinstance(trainer.loss, Loss) else MeanSquaredError()    # a custom one is not asked for
    rate = rule.learning_rate
    run = kernels.Training(
        trainer._network, loss.name, loss.option(),
        rule.rule, np.array(rule.hyper(), np.float64), state.scalars, state.memory, trainer._grads,
        learning_rate=rate(0) if isinstance(rate, Schedule) else rate,
        decay=rule.weight_decay, growth=rule.amplification(), l1=trainer.l1, l2=trainer.l2,
        clip_norm=trainer.clip_norm or np.inf, clip_value=trainer.clip_value or np.inf, seed=trainer.seed,
        factors=rate_factors(trainer),
    )  # fmt: skip
    if trainer.average is not None and trainer._mean is not None:
        run.keep_mean(trainer._mean, trainer.average.kernel_decay(), trainer.average.start)
    return run


def rate_factors(trainer: Trainer) -> NDArray[np.float64] | None:
    """A factor on each layer's rate, (number of layers,), None where all are 1."""
    rates = iter([trainer.layer_rates.get(f"dense{i}", 1.0) for i in range(len(trainer.model._dense()))])
    layers = without_target_scale(trainer.model).layers
    factors = np.array([next(rates) if isinstance(layer, Dense) else 1.0 for layer in layers])
    return None if (factors == 1).all() else factors


def full_gradient(trainer: Trainer, data: Samples) -> NDArray[np.floating]:
    """What training follows, over all data without dropout: (n_params,), penalties included, 0 in frozen layers.

    Where a weight is 0 under an l1 penalty, the least of its subgradients.
    """
    model, grad = trainer.model, np.zeros_like(trainer._grads)
    model._evaluate(data, trainer.loss, trainer.l1, trainer.l2, 0, grad)
    least_subgradient(model.params, grad, penalty_vectors(model, trainer.l1, trainer.l2)[0])
    for name, view in model.parameters(grad):
        if trainer.layer_rates.get(name.partition(".")[0]) == 0:
            view[...] = 0
    return grad
