"""A model, its data and its loss at the parameters as they are: what every measurement starts from."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from .. import checks
from ..batches import Samples
from ..class_weight import ClassWeight, class_weighted
from ..losses import CustomLoss, Loss, get_loss
from ..models.layers import Dense, Dropout
from ..models.penalties import without_penalties
from ..models.probe import probe_of
from ..models.samples import model_samples
from ..models.sequential import Sequential, without_target_scale
from .curvature import Curvature

Vector = NDArray[np.float64]


def targets_of(data: Samples) -> NDArray[Any]:
    """Labels (n,), targets (n, k), or what a custom loss takes."""
    return next(found for found in (data.labels, data.target, np.asarray(data.y)) if found is not None)


@final
class Point:
    """A float64 copy of a model, its loss on checked samples, penalties included; dropout left out.

    Parameters
    ----------
    model : Sequential
        Copied.
    X, y, loss, sample_weight, l1, l2
        As in `Sequential.loss`.
    class_weight : "balanced" or dict, optional
        As in `Sequential.fit`.
    """

    def __init__(
        self,
        model: Sequential,
        X: object,
        y: object,
        loss: str | Loss | CustomLoss,
        sample_weight: object,
        l1: float,
        l2: float,
        class_weight: ClassWeight | None = None,
    ) -> None:
        checks.instance("model", model, Sequential, "gdcore.MLP([2, 8, 1])")
        self.model = without_target_scale(model).astype("float64")    # of standardized targets, as the samples are
        self.dtype = model.dtype
        self.loss = get_loss(loss)
        self.data: Samples = model_samples(model, X, y, sample_weight, self.loss, "float64")
        if class_weight is not None:
            self.data = class_weighted(self.data, class_weight, self.loss, model.out_features)
        self.l1, self.l2 = checks.nonnegative("l1", l1), checks.nonnegative("l2", l2)
        self.x: Vector = self.model.params.copy()

    def at(self, x: Vector) -> Point:
        """The same at other parameters, (n_params,)."""
        other = copy(self)
        other.x = x
        return other

    @property
    def dense(self) -> list[Dense]:
        """The layers that hold parameters."""
        return [layer for layer in self.model.layers if isinstance(layer, Dense)]

    @property
    def targets(self) -> NDArray[Any]:
        """What the loss compares the outputs with, in the form its samples have."""
        return targets_of(self.data)

    @property
    def fits(self) -> bool:
        """Whether loss and gradient are numbers in the model's own precision."""
        self.model.params[:] = self.x
        value, grad = self.model.astype(self.dtype).loss_and_grad(
            self.data.X, self.targets, self.loss, sample_weight=self.data.weight, l1=self.l1, l2=self.l2
        )
        return checks.every_finite(np.append(grad, value))

    def value(self, x: Vector) -> float:
        """The loss at parameters x (n_params,)."""
        self.model.params[:] = x
        return self.model._evaluate(self.data, self.loss, self.l1, self.l2)

    def gradient(self, x: Vector) -> Vector:
        """Its gradient there, shape (n_params,)."""
        return self._gradient_of(self.model, x, self.l1)

    def _gradient_of(self, model: Sequential, x: Vector, l1: float) -> Vector:
        model.params[:] = x
        grad = np.zeros_like(x)
        model._evaluate(self.data, self.loss, l1, self.l2, 0, grad)
        return grad

    def hessian(self) -> Callable[[Vector], Vector]:
        """From v (n_params,) to its second derivatives at the model's own parameters times v; a penalty l1 has none."""
        smooth = without_penalties(self.model, ("l2",))    # a copy, whose parameters stay where the probe looks
        smooth.params = self.x
        if not isinstance(self.loss, Loss):
            return Curvature(lambda x: self._gradient_of(smooth, x, 0.0), self.x).product
        probe = probe_of(smooth, self.data, self.loss, l2=self.l2)

        def product(v: Vector) -> Vector:
            found = np.zeros_like(v)
            probe.hessian_vector(v, found)
            return found

        return product

    def outputs(self, model: Sequential | None = None) -> tuple[Vector, list[Vector]]:
        """What the first dense layer sees, (n, in_features), and what each dense layer gives, (n, out_features).

        Of the model at its own parameters, or of another one with the same layers.
        """
        if model is None:
            model = self.model
            model.params[:] = self.x
        network = model._bind(trains=False, blocks=False)
        layers = [layer for layer in self.model.layers if not isinstance(layer, Dropout)]
        seen, given = self.data.X, []
        for layer, output in zip(layers, network.outputs(self.data.X, 0), strict=True):
            if isinstance(layer, Dense):
                given.append(np.asarray(output, np.float64))
            elif not given:
                seen = output
        return seen, given
