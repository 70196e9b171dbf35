"""The objective: a stack's mean loss on samples plus penalties, as a function of the parameters.

Design
------
- One object holds what training, the gradient checker, the diagnosis and the pictures share: stack, samples, loss,
  penalties and the dropout mask. They ask it for values, derivatives and outputs, and pass it on as one argument.
- The stack is read and never written. A method that takes other parameters x works on a copy of the stack, which is
  made once and only if it is needed. So no trial point is left in a model, whatever a loss in Python raises.
- An objective without a loss is its penalties alone, which the checker looks at separately.
- The class is not a frozen dataclass, which takes twice as long to make: `Sequential.loss` makes one in every call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from .._kernels import load
from ..base.memory import aligned_zeros
from ..data.samples import Samples
from ..layers.dropout import dropout_key
from ..layers.stack import Stack
from ..losses import CustomLoss, Loss
from . import checks as objective_checks
from .curvature import Curvature
from .ideal import raw_loss
from .penalties import penalty_vectors, without_penalties

if TYPE_CHECKING:
    from .._kernels.base_float64 import Probe

Vector = NDArray[Any]


@final
@dataclass(eq=False)
class Objective:
    """The mean loss of a stack on checked samples, plus penalties.

    Its attributes stay as they are; `replace` makes another one. Wherever a method takes parameters x, it uses the
    stack's own by default.

    Parameters
    ----------
    stack : Stack
        It is never written.
    data : Samples
        From `take_samples`, for this loss and in the stack's precision.
    loss : Loss, callable or None
        None: the penalties alone.
    l1, l2 : float, default 0
        Penalties of layers that have none of their own.
    key : int, default 0
        From `dropout_key`; 0 leaves dropout out.

    Examples
    --------
    >>> import gdcore as gd
    >>> from .build import objective_of
    >>> line = gd.Sequential(gd.Dense(1, 1, bias=False, weight_init="ones", l2=1.0), dtype="float64")
    >>> objective = objective_of(line.stack, [[3.0]], [1.0], "mse")
    >>> objective.mean_loss(), objective.value(), objective.value(np.zeros(1)), objective.gradient()
    (4.0, 4.5, 1.0, array([13.]))
    """

    stack: Stack
    data: Samples
    loss: Loss | CustomLoss | None
    l1: float = 0.0
    l2: float = 0.0
    key: int = 0

    @property
    def x(self) -> Vector:
        """The parameters, shape (n_params,); only to be read."""
        return self.stack.params

    def at(self, x: Vector) -> Objective:
        """Return the same objective of a copy of the stack with parameters x, shape (n_params,)."""
        stack = self.stack.copy()
        stack.params[:] = x
        return Objective(stack, self.data, self.loss, self.l1, self.l2, self.key)

    def wide(self) -> Objective:
        """Return the objective of a float64 copy of the stack, whose targets and outputs are standardized."""
        X, target, weight = (
            None if array is None else array.astype(np.float64, copy=False)
            for array in (self.data.X, self.data.target, self.data.weight)
        )
        data = self.data._replace(X=np.asarray(X), target=target, weight=weight)
        return Objective(self.stack.plain.astype("float64"), data, self.loss, self.l1, self.l2, self.key)

    def with_dropout(self, seed: int | None) -> Objective:
        """Return the objective under the dropout mask of a seed; without a seed there is no dropout."""
        if seed is None:
            return self
        return Objective(self.stack, self.data, self.loss, self.l1, self.l2, dropout_key(seed))

    def mean_loss(self, x: Vector | None = None) -> float:
        """Return the mean loss without penalties."""
        return self._mean_loss(self.stack if x is None else self._moved(x), None)

    def value(self, x: Vector | None = None) -> float:
        """Return the mean loss plus penalties."""
        return self._value(self.stack if x is None else self._moved(x), None)

    def gradient(self, x: Vector | None = None) -> Vector:
        """Return the gradient, shape (n_params,)."""
        grad = np.zeros(self.stack.n_params, self.stack.dtype)
        self.write_gradient(grad, x)
        return grad

    def value_and_gradient(self, x: Vector | None = None) -> tuple[float, Vector]:
        """Return the value, and the gradient (n_params,)."""
        grad = aligned_zeros(self.stack.n_params, self.stack.dtype)
        return self.write_gradient(grad, x), grad

    def write_gradient(self, grad: Vector, x: Vector | None = None) -> float:
        """Write the gradient into `grad`, shape (n_params,), and return the value."""
        return self._value(self.stack if x is None else self._moved(x), grad)

    def probe(self) -> Probe:
        """Return the compiled objective around the parameters, which must not change while it is in use.

        Of a loss in Python it knows nothing: it has the outputs and the penalties.
        """
        return self._probe(self.l1, self.key)

    def hessian(self) -> Callable[[Vector], Vector]:
        """Return a function v (n_params,) -> Hessian at the parameters times v, without dropout.

        The parameters must not change while it is in use. An l1 penalty has no second derivative. Products of a loss
        in Python are differences of gradients, and exact up to roundoff only for a float64 stack.
        """
        if not isinstance(self.loss, Loss):
            smooth = Objective(without_penalties(self.stack, ("l2",)), self.data, self.loss, 0.0, self.l2)
            return Curvature(smooth.gradient, smooth.x).product
        probe = self._probe(0.0, 0)

        def product(v: Vector) -> Vector:
            found = aligned_zeros(self.stack.n_params, self.stack.dtype)
            probe.hessian_vector(v, found)
            return found

        return product

    def hessian_vector(self, v: Vector) -> Vector:
        """Return the Hessian times v, shape (n_params,); see `hessian`."""
        return self.hessian()(v)

    def layer_outputs(self) -> list[Vector]:
        """Return the outputs of each layer, from the inputs on; dropout layers have none where there is no dropout."""
        network = self.stack.bind(trains=self.key != 0, blocks=False)
        return [np.asarray(output) for output in network.outputs(self.data.X, self.key)]

    def loss_of(self, outputs: Vector) -> tuple[float, Vector]:
        """Return the mean loss of raw outputs (n, k) in float64, and its derivative with respect to them, (n, k)."""
        if self.loss is None:
            return 0.0, np.zeros(outputs.shape)
        if isinstance(self.loss, Loss):
            return raw_loss(self.data, self.loss, outputs)
        return _called(self.loss, outputs, self.data.y)

    def penalties(self) -> tuple[Vector, Vector]:
        """Return the l1 and the l2 of each parameter, (n_params,) each: the layers' own, or the model's."""
        return penalty_vectors(self.stack, self.l1, self.l2)

    @cached_property
    def _elsewhere(self) -> Stack:
        """A copy of the stack that holds trial parameters."""
        return self.stack.copy()

    def _moved(self, x: Vector) -> Stack:
        self._elsewhere.params[:] = x
        return self._elsewhere

    def _probe(self, l1: float, key: int) -> Probe:
        data, loss = self.data, self.loss
        name, option = (loss.name, loss.option()) if isinstance(loss, Loss) else (None, 0.0)
        network, arrays = self.stack.bind(trains=False), (data.X, data.target, data.labels, data.weight)
        return load(self.stack.dtype).Probe(network, name, option, arrays, key, l1, self.l2)

    def _mean_loss(self, stack: Stack, grad: Vector | None) -> float:
        data, loss, trains = self.data, self.loss, grad is not None or self.key != 0
        if isinstance(loss, Loss):
            network = stack.network(trains)
            return network.loss(loss.name, loss.option(), data.X, data.target, data.labels, data.weight, self.key, grad)
        if loss is None:
            if grad is not None:
                grad[:] = 0
            return 0.0
        network = stack.bind(trains=trains, blocks=False)
        value, delta = _called(loss, network.outputs(data.X, self.key)[-1], data.y)
        if grad is not None:
            network.gradient_from(data.X, delta, grad, self.key)
        return value

    def _value(self, stack: Stack, grad: Vector | None) -> float:
        value = self._mean_loss(stack, grad)
        if self.l1 or self.l2 or any(layer.l1 or layer.l2 for layer in stack.dense):
            value += stack.network(grad is not None).penalty(self.l1, self.l2, grad)
        return value


def _called(loss: CustomLoss, outputs: Vector, y: object) -> tuple[float, Vector]:
    """Call a loss in Python, and check and return its value and derivative."""
    return objective_checks.custom_result(loss(outputs, y), outputs.shape, outputs.dtype.name)
