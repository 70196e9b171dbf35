"""Keras: `fit` and `train_on_batch` of a Sequential model, on JAX where that is installed and on PyTorch elsewhere.

Design
------
- KERAS_BACKEND says which backend; without it, JAX, on which `fit` was the faster.
- `epoch` is one call of `fit`, without shuffling. On JAX a call of its compiled function makes up to 16 steps
  (`steps_per_execution`); on PyTorch only 1 is allowed.
- Its Adam adds eps before the second moment's correction, the others behind it: no difference to be seen at 1e-8.
"""

import os
from importlib.util import find_spec
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from gdcore.bench.library import Library
from gdcore.bench.problems import Problem, Workload

os.environ.setdefault("KERAS_BACKEND", "jax" if find_spec("jax") else "torch")

import keras

STEPS_A_CALL = 16
LOSSES = {
    "mean_squared_error": lambda: keras.losses.MeanSquaredError(),
    "cross_entropy": lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "binary_cross_entropy": lambda: keras.losses.BinaryCrossentropy(from_logits=True),
}
OPTIMIZERS = {
    "sgd": lambda rate: keras.optimizers.SGD(rate),
    "adam": lambda rate: keras.optimizers.Adam(rate, epsilon=1e-8),
}


@final
class KerasLibrary(Library):
    """A Sequential model of dense layers."""

    def versions(self) -> dict[str, str]:
        return {"keras": keras.__version__, "backend": keras.backend.backend()}

    def refuses(self, task: str, problem: Problem) -> str:
        if task.endswith(":gradcheck"):
            return "it has no gradient checker"
        if problem.dtype != "float32":
            return "its adapter has float32 only"
        return f"its adapter has no {problem.options}" if problem.options else ""

    def setup(self, work: Workload) -> None:
        problem = work.problem
        self.problem, self.X, self.y = problem, work.X, work.y
        *hidden, last = problem.widths[1:]
        layers = [keras.Input((problem.widths[0],))]
        layers += [keras.layers.Dense(width, problem.activation) for width in hidden]
        self.model = keras.Sequential([*layers, keras.layers.Dense(last)])
        for layer, weight, bias in zip(self.model.layers, work.weights, work.biases, strict=True):
            layer.set_weights([weight, bias])
        steps = min(STEPS_A_CALL, problem.steps) if keras.backend.backend() == "jax" else 1
        optimizer = OPTIMIZERS[problem.optimizer](problem.learning_rate)
        self.model.compile(optimizer, LOSSES[problem.loss](), steps_per_execution=steps)

    def array(self, values: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(values)

    def step(self, xb: NDArray[Any], yb: NDArray[Any]) -> None:
        self.model.train_on_batch(xb, yb)

    def epoch(self) -> None:
        self.model.fit(self.X, self.y, batch_size=self.problem.batch, epochs=1, shuffle=False, verbose=0)

    def loss(self) -> float:
        return float(self.model.evaluate(self.X, self.y, batch_size=self.problem.batch, verbose=0))

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        return self.model.predict_on_batch(X)

    def check_gradients(self) -> NDArray[np.float64]:
        raise AssertionError("`refuses` says so")

    def wait(self) -> None:
        """Nothing is ever under way: `fit` and its like return numbers."""
