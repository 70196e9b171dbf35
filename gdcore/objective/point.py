"""A model, its data and its loss at fixed parameters, from which every measurement starts."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..data.class_weight import ClassWeight, class_weighted
from ..data.samples import Samples, take_samples
from ..layers.dense import Dense
from ..layers.dropout import Dropout
from ..layers.stack import Model, Stack, stack_of
from ..losses import CustomLoss, Loss, get_loss
from .curvature import Curvature
from .evaluate import evaluate
from .penalties import without_penalties
from .probe import probe_of

Vector = NDArray[np.float64]


def targets_of(data: Samples) -> NDArray[Any]:
    """Return labels (n,), targets (n, k), or what a custom loss takes."""
    return next(found for found in (data.labels, data.target, np.asarray(data.y)) if found is not None)


@final
class Point:
    """A float64 copy of a stack with its loss on checked samples, including penalties, without dropout.

    Parameters
    ----------
    model : Sequential
        Its stack is copied.
    X, y, loss, sample_weight, l1, l2
        As in `Sequential.loss`.
    class_weight : "balanced" or dict, optional
        As in `Sequential.fit`.
    """

    def __init__(
        self,
        model: Model,
        X: object,
        y: object,
        loss: str | Loss | CustomLoss,
        sample_weight: object,
        l1: float,
        l2: float,
        class_weight: ClassWeight | None = None,
    ) -> None:
        stack = stack_of(model)
        self.stack = stack.plain.astype("float64")  # its targets are standardized, as the samples'
        self.dtype = stack.dtype
        self.loss = get_loss(loss)
        self.data: Samples = take_samples(stack, X, y, sample_weight, self.loss, "float64")
        if class_weight is not None:
            self.data = class_weighted(self.data, class_weight, self.loss, stack.out_features)
        self.l1, self.l2 = checks.nonnegative("l1", l1), checks.nonnegative("l2", l2)
        self.x: Vector = self.stack.params.copy()

    def at(self, x: Vector) -> Point:
        """Return the same point at other parameters, (n_params,)."""
        other = copy(self)
        other.x = x
        return other

    @property
    def dense(self) -> list[Dense]:
        """The dense layers."""
        return self.stack.dense

    @property
    def targets(self) -> NDArray[Any]:
        """What the loss compares the outputs with, in the form of the samples."""
        return targets_of(self.data)

    @property
    def fits(self) -> bool:
        """Whether loss and gradient are finite in the model's own precision."""
        self.stack.params[:] = self.x
        own = self.stack.astype(self.dtype)
        data = take_samples(own, self.data.X, self.targets, self.data.weight, self.loss)
        grad = np.zeros_like(own.params)
        value = evaluate(own, data, self.loss, self.l1, self.l2, 0, grad)
        return checks.every_finite(np.append(grad, value))

    def value(self, x: Vector) -> float:
        """Return the loss at parameters x (n_params,)."""
        self.stack.params[:] = x
        return evaluate(self.stack, self.data, self.loss, self.l1, self.l2)

    def gradient(self, x: Vector) -> Vector:
        """Return the gradient at x, shape (n_params,)."""
        return self._gradient_of(self.stack, x, self.l1)

    def _gradient_of(self, stack: Stack, x: Vector, l1: float) -> Vector:
        stack.params[:] = x
        grad = np.zeros_like(x)
        evaluate(stack, self.data, self.loss, l1, self.l2, 0, grad)
        return grad

    def hessian(self) -> Callable[[Vector], Vector]:
        """Return a function v (n_params,) -> Hessian at the model's own parameters times v; an l1 penalty has none."""
        smooth = without_penalties(self.stack, ("l2",))  # the copy's parameters stay fixed
        smooth.params[:] = self.x
        if not isinstance(self.loss, Loss):
            return Curvature(lambda x: self._gradient_of(smooth, x, 0.0), self.x).product
        probe = probe_of(smooth, self.data, self.loss, l2=self.l2)

        def product(v: Vector) -> Vector:
            found = np.zeros_like(v)
            probe.hessian_vector(v, found)
            return found

        return product

    def outputs(self, stack: Stack | None = None) -> tuple[Vector, list[Vector]]:
        """Return the inputs of the first dense layer, (n, in_features), and each dense layer's outputs, (n,
        out_features).

        Of the stack at its own parameters, or of another one with the same layers.
        """
        if stack is None:
            stack = self.stack
            stack.params[:] = self.x
        network = stack.bind(trains=False, blocks=False)
        layers = [layer for layer in self.stack.layers if not isinstance(layer, Dropout)]
        seen, given = self.data.X, []
        for layer, output in zip(layers, network.outputs(self.data.X, 0), strict=True):
            if isinstance(layer, Dense):
                given.append(np.asarray(output, np.float64))
            elif not given:
                seen = output
        return seen, given
