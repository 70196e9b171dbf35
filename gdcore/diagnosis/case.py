"""What the rules of a diagnosis look at; each quantity is computed once, and only if a rule needs it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..data.samples import take_samples
from ..layers.layer import Layer
from ..losses import Loss, MeanSquaredError
from ..models.sequential import Sequential
from ..objective.objective import Objective
from ..objective.penalties import least_subgradient
from ..optimizers import SGD, Optimizer
from ..optimizers.full_batch import FullBatch
from ..schedules import Schedule
from ..training import History
from .bound import LearningRateBound, bound_from, spectrum_of
from .lanczos import Spectrum, lanczos
from .learning import Learning, Teachable, learning_of, share_of_variance, teachable
from .passes import dense_outputs, plain_layers, unit_errors

Vector = NDArray[np.float64]

PRODUCTS = 100
"""At most this many products with the Hessian are spent on its extreme eigenvalues."""
SEED = 0
STARTS = 3
"""The losses of this many draws of initial weights show where runs begin."""
BLOWN = 2.0
"""A final loss this many times above both references (zero outputs, fresh weights) means the run blew up."""
THROWN = 10.0
"""A peak this many times above both references also counts as a blow-up, if the final loss is still above the
zero-output loss."""
LEARNED = 0.1
"""If less than this share of the best constant predictor's loss is left, the model has learned; saturated units are
harmless."""
SADDLE = 1e-3
"""Downward curvature above this share of the largest curvature makes a stationary point a saddle."""


@final
class Case:
    """A model's objective, and what is known of its training.

    Parameters
    ----------
    objective : Objective
        Of a float64 copy of the model, without dropout.
    dtype : {"float32", "float64"}
        The model's own precision.
    names : tuple of str
        Of X's columns; empty if they have none.
    history : History or None
    optimizer : Optimizer, FullBatch or None
    """

    def __init__(
        self,
        objective: Objective,
        dtype: str,
        names: tuple[str, ...],
        history: History | None,
        optimizer: Optimizer | FullBatch | None,
    ) -> None:
        self.objective, self.dtype, self.names = objective, dtype, names
        self.history, self.optimizer = history, optimizer

    @cached_property
    def loss(self) -> float:
        """The loss with penalties."""
        return self.objective.value()

    @cached_property
    def gradient(self) -> Vector:
        """The gradient over all data, (n_params,)."""
        return self.objective.gradient()

    @cached_property
    def descent(self) -> Vector:
        """The gradient, (n_params,); for a weight that is 0 under an l1 penalty, the subgradient of least size."""
        found = self.gradient.copy()
        least_subgradient(self.objective.x, found, self.objective.penalties()[0])
        return found

    @cached_property
    def finite(self) -> bool:
        """Whether parameters, loss, gradient and its norm are finite, in the model's own precision too."""
        return self._finite_in_float64 and self._finite_in_own_precision

    @property
    def overflows(self) -> bool:
        """Whether these are finite in float64 but not in the model's float32."""
        return self._finite_in_float64 and not self.finite

    @property
    def _finite_in_float64(self) -> bool:
        if not checks.every_finite(self.objective.x):
            return False
        return math.isfinite(self.loss) and _has_norm(self.gradient)

    @property
    def _finite_in_own_precision(self) -> bool:
        objective, data, own = self.objective, self.objective.data, self.objective.stack.astype(self.dtype)
        assert objective.loss is not None
        rounded = take_samples(own, data.X, objective.targets, data.weight, objective.loss)
        value, grad = replace(objective, stack=own, data=rounded).value_and_gradient()
        return checks.every_finite(np.append(grad, value))

    @cached_property
    def spectrum(self) -> Spectrum:
        """The spectrum of the Hessian, from a random start."""
        return spectrum_of(self.objective, PRODUCTS, SEED)

    @cached_property
    def bound(self) -> LearningRateBound:
        """The bound for plain gradient descent at the model's parameters."""
        return bound_from(spectrum_of(self.objective, PRODUCTS, SEED, low=None), self.objective.loss)

    @cached_property
    def start_bound(self) -> LearningRateBound | None:
        """The bound at initial weights drawn with the model's seed; None if products with the Hessian overflow there.

        If a run has blown up, the curvature where it ended says nothing about the cause; that at the start does.
        """
        seed = SEED if self.objective.stack.seed is None else self.objective.stack.seed
        begun = self.objective.at(Sequential(*self.objective.stack.layers, seed=seed, dtype="float64").params)
        if not _has_norm(begun.hessian()(np.ones(begun.x.size))):
            return None
        return bound_from(spectrum_of(begun, PRODUCTS, SEED, low=None), begun.loss)

    @property
    def curves_down(self) -> bool:
        """Whether some direction curves downwards, however small the gradient."""
        ritz = self.spectrum.ritz
        return bool(ritz[0] < -SADDLE * max(abs(ritz[-1]), abs(ritz[0])))

    @property
    def dead_end(self) -> bool:
        """Whether an error at the outputs never reaches the first of several layers."""
        return len(self.errors) > 1 and self.errors[0] == 0

    @property
    def shut(self) -> bool:
        """Whether only the last layer's biases have a gradient, which the noise of batches may move."""
        if not self.dead_end:
            return False
        stack = self.objective.stack
        own = [
            view
            for block, view in stack.views(self.gradient)
            if block.is_weight or block.layer != stack.dense_names[-1]
        ]
        return not any(view.any() for view in own)

    @property
    def largest_size(self) -> float:
        """A lower bound, close as a rule, of the largest absolute curvature."""
        low = self.bound.smallest_curvature
        return max(abs(self.bound.largest_curvature), abs(low) if low is not None else 0.0)

    @cached_property
    def _layers(self) -> tuple[Vector, list[Vector]]:
        return dense_outputs(self.objective)

    @property
    def inputs(self) -> Vector:
        """Inputs of the first dense layer, (n, in_features): X after the scaling layers."""
        return self._layers[0]

    @property
    def outputs(self) -> list[Vector]:
        """Outputs of each dense layer."""
        return self._layers[1]

    @cached_property
    def _data_loss(self) -> tuple[float, Vector]:
        return self.objective.loss_of(self.outputs[-1])

    @property
    def data_loss(self) -> float:
        """The loss without penalties, as the history records it."""
        return self._data_loss[0]

    @property
    def residual(self) -> Vector:
        """Derivative of the loss with respect to the outputs, (n, k)."""
        return self._data_loss[1]

    @cached_property
    def learning(self) -> Learning | None:
        """How much of what can be learned was learned; None for a custom loss."""
        kind = self.objective.loss
        return learning_of(self.objective.data, kind, self.outputs[-1]) if isinstance(kind, Loss) else None

    @cached_property
    def teachable(self) -> Teachable | None:
        """What the inputs tell about the targets; None for a custom loss or too few rows."""
        kind = self.objective.loss
        return teachable(self.inputs, self.objective.data, kind) if isinstance(kind, Loss) else None

    @property
    def missed(self) -> float:
        """How much more of the targets' variance two simple models explain than the model; NaN if unknown."""
        learning, told, kind = self.learning, self.teachable, self.objective.loss
        if learning is None or told is None or not isinstance(kind, Loss):
            return math.nan
        return told.share - share_of_variance(kind, learning.share)

    @cached_property
    def learned(self) -> bool:
        """Whether little is left of the loss that zero outputs, or the outputs' mean for every row, would have."""
        mean = np.broadcast_to(self.outputs[-1].mean(axis=0), self.outputs[-1].shape)
        constant = min(self.loss_of_nothing, self.objective.loss_of(np.ascontiguousarray(mean))[0])
        return self.data_loss < LEARNED * constant

    @cached_property
    def loss_of_nothing(self) -> float:
        """The loss of zero outputs: the scale of what can be learned."""
        return self.objective.loss_of(np.zeros_like(self.outputs[-1]))[0]

    @cached_property
    def loss_of_starts(self) -> float:
        """The largest loss, without penalties, of a few draws of the model's initial weights."""
        return self._loss_begun(self.objective.stack.layers)

    @cached_property
    def loss_of_auto(self) -> float:
        """The same with weight_init="auto" and biases of 0."""
        return self._loss_begun(plain_layers(self.objective.stack))

    @cached_property
    def first_outputs(self) -> list[Vector] | None:
        """Outputs of each dense layer with the initial weights of the model's seed; None without a seed."""
        return None if self.objective.stack.seed is None else self._begun(self.objective.stack.seed)

    def _begun(self, seed: int, layers: Sequence[Layer] | None = None) -> list[Vector]:
        """Return the outputs of each dense layer with the initial weights of a seed."""
        layers = self.objective.stack.layers if layers is None else layers
        begun = Sequential(*layers, seed=seed, dtype="float64").stack
        return dense_outputs(replace(self.objective, stack=begun))[1]

    def _loss_begun(self, layers: Sequence[Layer]) -> float:
        return max(self.objective.loss_of(self._begun(seed, layers)[-1])[0] for seed in range(STARTS))

    @property
    def blown_up(self) -> bool:
        """Whether the run blew up: it ended far up, or went farther up and ended above the loss of zero outputs."""
        if self.ends_high:
            return True
        losses, nothing = self._losses, self.loss_of_nothing
        return bool(losses) and losses[-1] > nothing and self._above(max(losses), THROWN, self.loss_of_starts)

    @property
    def ends_high(self) -> bool:
        """Whether the last loss is far above those of zero outputs and of initial weights."""
        return bool(self._losses) and self._above(self._losses[-1], BLOWN, self.loss_of_starts)

    @property
    def stays_high(self) -> bool:
        """Whether the last loss is far above those of zero outputs and of untrained weight_init="auto"."""
        return bool(self._losses) and self._above(self._losses[-1], BLOWN, self.loss_of_auto)

    @property
    def _losses(self) -> list[float]:
        return self.history.loss if self.history else []

    def _above(self, loss: float, times: float, start: float) -> bool:
        nothing = self.loss_of_nothing
        return loss > nothing + (times - 1) * abs(nothing) and loss > times * start

    @cached_property
    def errors(self) -> list[float]:
        """Root mean square norm of a unit error at the outputs after it has passed back to each dense layer's input
        sums.
        """
        return unit_errors(self.objective)

    @property
    def layer_gradients(self) -> list[float]:
        """Norm of each dense layer's part of the gradient, weights and biases."""
        squares = dict.fromkeys(self.objective.stack.dense_names, 0.0)
        for block, view in self.objective.stack.views(self.gradient):
            if block.layer in squares:
                squares[block.layer] += float(np.sum(view**2))
        return [value**0.5 for value in squares.values()]

    @property
    def is_linear(self) -> bool:
        """Whether the model is one dense layer without an activation."""
        stack = self.objective.stack
        return len(stack.trained) == len(stack.dense) == 1 and stack.dense[0].activation == "identity"

    @property
    def is_quadratic(self) -> bool:
        """Whether the curvature is the same at all parameters."""
        return self.is_linear and isinstance(self.objective.loss, MeanSquaredError)

    @property
    def sgd(self) -> SGD | None:
        """The optimizer if it is `SGD`, for which a bound is known."""
        return self.optimizer if isinstance(self.optimizer, SGD) else None

    @property
    def schedule(self) -> Schedule | None:
        """The schedule of the optimizer's rate, if it has one."""
        rate = self.optimizer.learning_rate if isinstance(self.optimizer, Optimizer) else None
        return rate if isinstance(rate, Schedule) else None

    @property
    def rate(self) -> float | None:
        """The fixed rate; for a schedule the last one in the history, or its first one without a history."""
        if not isinstance(self.optimizer, Optimizer):
            return None
        rate = self.optimizer.learning_rate
        if not isinstance(rate, Schedule):
            return float(rate)
        return self.history.learning_rate[-1] if self.history and self.history.learning_rate else rate(0)

    @property
    def highest_rate(self) -> float | None:
        """The highest rate in the history, or `rate` without one."""
        recorded = self.history.learning_rate if self.history else []
        return max([rate for rate in recorded if rate == rate], default=self.rate)

    @cached_property
    def rate_bound(self) -> float:
        """The largest stable rate of the given SGD here, with its momentum, dampening and decay."""
        return math.inf if self.sgd is None else _stable_rate(self.sgd, self.bound)

    @cached_property
    def start_rate_bound(self) -> float:
        """The same bound at initial weights."""
        if self.sgd is None or self.start_bound is None:
            return math.inf
        return _stable_rate(self.sgd, self.start_bound)

    @cached_property
    def is_stationary(self) -> bool:
        """Whether the curvature promises no step that lowers the loss by more than `smallest_gain`."""
        norm = float(np.linalg.norm(self.descent))
        size = self.largest_size
        if norm == 0:
            return True
        return size > 0 and self.gain <= self.smallest_gain

    @property
    def smallest_gain(self) -> float:
        """A smaller gain counts as none: a millionth of the loss, or roundoff relative to the first loss.

        Zero outputs are where it came from, or initial weights where zero outputs have no loss.
        """
        return max(1e-6 * abs(self.loss), 1e-12 * abs(self.loss_of_nothing or self.loss_of_starts))

    @cached_property
    def gain(self) -> float:
        """How much Newton's step would lower the loss if it were quadratic; negative curvature counts by its size.

        One step of steepest descent gains less: where that is too much already, it is the answer.
        """
        norm = float(np.linalg.norm(self.descent))
        size = self.largest_size
        if norm == 0 or size == 0:
            return 0.0 if norm == 0 else math.inf
        one_step = norm**2 / size / 2
        if one_step > self.smallest_gain:
            return one_step
        found = lanczos(self.objective.hessian(), self.descent, PRODUCTS, 1e-6)
        curvature = np.maximum(np.abs(found.ritz), 1e-8 * size)
        return norm**2 / 2 * float(np.sum(found.weight / curvature))


def _has_norm(vector: Vector) -> bool:
    """Return whether the sum of squares is finite."""
    return bool(np.abs(vector).max() < math.sqrt(np.finfo(np.float64).max / vector.size))


def _stable_rate(rule: SGD, bound: LearningRateBound) -> float:
    if math.isinf(bound.max_rate):
        return math.inf
    if rule.momentum >= 1:
        return 0.0
    plain = bound.momentum_bound(rule.momentum, nesterov=rule.nesterov)
    high = bound.largest_curvature
    share = 1 - rule.dampening if rule.momentum else 1.0
    return plain * high / (high + rule.weight_decay) / share if share > 0 else math.inf
