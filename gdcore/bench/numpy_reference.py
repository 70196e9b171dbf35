"""A dense network trained in NumPy, as a good NumPy user writes it.

Design
------
- Whole-array operations, no loop over samples; one flat vector of parameters and one of gradients, so that an optimizer
  is a few operations however many layers there are.
- What has the same shape in every step is allocated once, and NumPy writes into it (`out=`, in-place operators).
- A sum over rows is a product with ones: BLAS takes half the time of `delta.sum(axis=0)`.
- The derivative of a hidden layer comes from its output, in the output's own buffer, which nobody reads afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@final
@dataclass(frozen=True)
class Activation:
    """f in place, and its slope from the output, in place."""

    name: str
    apply: Callable[[Array], object]
    slope: Callable[[Array], object]


def _tanh_slope(a: Array) -> None:
    np.multiply(a, a, out=a)
    np.subtract(1, a, out=a)


ACTIVATIONS = (
    Activation("tanh", lambda z: np.tanh(z, out=z), _tanh_slope),
    Activation("relu", lambda z: np.maximum(z, 0, out=z), lambda a: np.greater(a, 0, out=a)),
)


def mean_squared_error(z: Array, y: Array, delta: Array) -> float:
    """Return the mean of (z - y)^2 over (n, k); write its derivative into delta (n, k)."""
    np.subtract(z, y, out=delta)
    value = float(np.vdot(delta, delta)) / z.size
    delta *= 2 / z.size
    return value


def cross_entropy(z: Array, y: Array, delta: Array) -> float:
    """Return the mean of -log softmax(z)[y] over rows, labels y (n,); write its derivative into delta (n, k)."""
    rows = np.arange(len(z))
    np.subtract(z, z.max(axis=1, keepdims=True), out=delta)
    chosen = delta[rows, y]
    np.exp(delta, out=delta)
    total = delta.sum(axis=1, keepdims=True)
    value = float(np.mean(np.log(total[:, 0]) - chosen))
    delta /= total
    delta[rows, y] -= 1
    delta /= len(z)
    return value


def binary_cross_entropy(z: Array, y: Array, delta: Array) -> float:
    """Return the mean of log(1 + exp(z)) - y z over (n, k), targets 0 or 1; write its derivative into delta (n, k)."""
    value = float(np.mean(np.logaddexp(0, z) - y * z))
    np.negative(z, out=delta)
    np.exp(delta, out=delta)
    delta += 1
    np.reciprocal(delta, out=delta)
    delta -= y
    delta /= z.size
    return value


LOSSES = (mean_squared_error, cross_entropy, binary_cross_entropy)


class Optimizer(Protocol):
    """An update of the flat vector in place; may overwrite the gradient."""

    def update(self, params: Array, grads: Array) -> None: ...


@final
class SGD:
    """Plain gradient descent."""

    def __init__(self, learning_rate: float, n: int, dtype: str) -> None:
        self.learning_rate = learning_rate

    def update(self, params: Array, grads: Array) -> None:
        grads *= self.learning_rate
        params -= grads


@final
class Adam:
    """Adam with betas 0.9, 0.999 and eps 1e-8."""

    def __init__(self, learning_rate: float, n: int, dtype: str) -> None:
        self.learning_rate = learning_rate
        self.steps = 0
        self.first, self.second, self.scratch = np.zeros((3, n), dtype)

    def update(self, params: Array, grads: Array) -> None:
        self.steps += 1
        first, second, scratch = self.first, self.second, self.scratch
        np.multiply(grads, 1 - 0.9, out=scratch)
        first *= 0.9
        first += scratch
        grads *= grads
        grads *= 1 - 0.999
        second *= 0.999
        second += grads
        np.sqrt(second, out=scratch)
        scratch *= (1 - 0.999**self.steps) ** -0.5
        scratch += 1e-8
        np.divide(first, scratch, out=scratch)
        scratch *= self.learning_rate / (1 - 0.9**self.steps)
        params -= scratch


OPTIMIZERS: tuple[tuple[str, Callable[[float, int, str], Optimizer]], ...] = (("sgd", SGD), ("adam", Adam))


@final
class NumpyNetwork:
    """Dense layers over one flat vector.

    Parameters
    ----------
    weights, biases : sequence of ndarray
        (n_in, n_out) and (n_out,) per layer; copied.
    activation, loss : str
        Names in ACTIVATIONS and LOSSES.
    rows : int
        Rows of a batch.
    dtype : str, default "float32"
    """

    def __init__(
        self,
        weights: Sequence[Array],
        biases: Sequence[Array],
        activation: str,
        loss: str,
        rows: int,
        dtype: str = "float32",
    ) -> None:
        self.activation = next(kind for kind in ACTIVATIONS if kind.name == activation)
        self.value_and_delta = next(kind for kind in LOSSES if kind.__name__ == loss)
        self.shapes = [weight.shape for weight in weights]
        parts = [part.ravel() for pair in zip(weights, biases, strict=True) for part in pair]
        self.params = np.concatenate(parts, dtype=dtype)
        self.grads = np.zeros_like(self.params)
        self.weights, self.biases = self._views(self.params)
        self.weight_grads, self.bias_grads = self._views(self.grads)
        self.ones = np.ones(rows, dtype)
        self.outputs = [np.empty((rows, n_out), dtype) for _, n_out in self.shapes]
        self.deltas = [np.empty((rows, n_out), dtype) for _, n_out in self.shapes]

    def _views(self, vector: Array) -> tuple[list[Array], list[Array]]:
        weights, biases, at = [], [], 0
        for n_in, n_out in self.shapes:
            weights.append(vector[at : at + n_in * n_out].reshape(n_in, n_out))
            at += n_in * n_out
            biases.append(vector[at : at + n_out])
            at += n_out
        return weights, biases

    def forward(self, X: Array, outputs: Sequence[Array | None]) -> Array:
        """Return raw outputs (n, k) of X (n, n_in); each layer's are written into its array if there is one."""
        a, last = X, len(self.weights) - 1
        for i, (weight, bias, out) in enumerate(zip(self.weights, self.biases, outputs, strict=True)):
            a = np.matmul(a, weight, out=out)
            a += bias
            if i < last:
                self.activation.apply(a)
        return a

    def predict(self, X: Array) -> Array:
        """Return raw outputs (n, k) of any number of rows."""
        return self.forward(X, [None] * len(self.shapes))

    def loss(self, X: Array, y: Array) -> float:
        """Return the mean loss of any number of rows."""
        z = self.predict(X)
        return self.value_and_delta(z, y, np.empty_like(z))

    def loss_and_grad(self, X: Array, y: Array) -> float:
        """Return the mean loss of a batch X (rows, n_in), y; write the gradient into `grads` (n_params,)."""
        z = self.forward(X, self.outputs)
        value = self.value_and_delta(z, y, self.deltas[-1])
        for i in range(len(self.weights) - 1, -1, -1):
            delta, below = self.deltas[i], self.outputs[i - 1] if i else X
            np.matmul(below.T, delta, out=self.weight_grads[i])
            np.dot(self.ones, delta, out=self.bias_grads[i])
            if i:
                np.matmul(delta, self.weights[i].T, out=self.deltas[i - 1])
                self.activation.slope(below)
                self.deltas[i - 1] *= below
        return value

    def numeric_gradient(self, X: Array, y: Array, step: float = 1e-6) -> Array:
        """Return central differences of `loss` for every parameter, one after the other: shape (n_params,)."""
        params, slopes = self.params, np.empty_like(self.params)
        for i, kept in enumerate(params.tolist()):
            params[i] = kept + step
            high = self.loss(X, y)
            params[i] = kept - step
            low = self.loss(X, y)
            params[i] = kept
            slopes[i] = (high - low) / (2 * step)
        return slopes


def make_optimizer(name: str, learning_rate: float, n: int, dtype: str = "float32") -> Optimizer:
    """Return the optimizer of that name in OPTIMIZERS, for n parameters."""
    return dict(OPTIMIZERS)[name](learning_rate, n, dtype)
