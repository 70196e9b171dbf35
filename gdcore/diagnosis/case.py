"""What the rules of a diagnosis look at; each quantity is computed once, and only if a rule needs it."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..data.samples import take_samples
from ..losses import Loss, MeanSquaredError
from ..objective.objective import Objective
from ..optimizers import Optimizer
from ..optimizers.full_batch import FullBatch
from ..training import History
from .given_rates import GivenRates
from .learning import Learning, Teachable, learning_of, share_of_variance, teachable
from .local_shape import LocalShape
from .passes import dense_outputs, unit_errors
from .rate_words import RateWords
from .references import References, has_norm

Vector = NDArray[np.float64]

LEARNED = 0.1
"""If less than this share of the best constant predictor's loss is left, the model has learned; saturated units are
harmless."""


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
    words : RateWords, optional
        What the user calls the rate; by default as in gdcore.

    Attributes
    ----------
    references : References
        Losses to compare the model's with.
    local : LocalShape
        The loss around the model's parameters.
    given : GivenRates
        The learning rates of the run.
    """

    def __init__(
        self,
        objective: Objective,
        dtype: str,
        names: tuple[str, ...],
        history: History | None,
        optimizer: Optimizer | FullBatch | None,
        words: RateWords | None = None,
    ) -> None:
        self.objective, self.dtype, self.names = objective, dtype, names
        self.history, self.optimizer = history, optimizer
        self.words = RateWords() if words is None else words
        self.references = References(objective, history)
        self.local = LocalShape(objective, self.references)
        self.given = GivenRates(optimizer, history, self.local, self.references)

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
        return math.isfinite(self.local.loss) and has_norm(self.local.gradient)

    @property
    def _finite_in_own_precision(self) -> bool:
        objective, data, own = self.objective, self.objective.data, self.objective.stack.astype(self.dtype)
        assert objective.loss is not None
        rounded = take_samples(own, data.X, objective.data.targets, data.weight, objective.loss)
        value, grad = replace(objective, stack=own, data=rounded).value_and_gradient()
        return checks.every_finite(np.append(grad, value))

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
            for block, view in stack.views(self.local.gradient)
            if block.is_weight or block.layer != stack.dense_names[-1]
        ]
        return not any(view.any() for view in own)

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
    def possible_gain(self) -> float:
        """How much one good step would lower the loss, as far as is known: not below that of ideal outputs."""
        learning = self.learning
        if learning is None:
            return self.local.gain
        return min(self.local.gain, max(self.local.loss - learning.ideal_loss, 0.0))

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
        constant = min(self.references.loss_of_nothing, self.objective.loss_of(np.ascontiguousarray(mean))[0])
        return self.data_loss < LEARNED * constant

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
        for block, view in self.objective.stack.views(self.local.gradient):
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
