"""The NumPy reference as a library that takes part."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ..gradcheck import GradientError
from .library import Library
from .numpy_reference import ACTIVATIONS, LOSSES, OPTIMIZERS, NumpyNetwork, make_optimizer
from .problems import Problem, Workload

TOLERANCE = 1e-6


@final
class NumpyLibrary(Library):
    """`numpy_reference`, one loop in Python over the batches."""

    def versions(self) -> dict[str, str]:
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return {"numpy": np.__version__, "BLAS": f"{blas['name']} {blas['version']}"}

    def refuses(self, task: str, problem: Problem) -> str:
        known = {
            "activation": [kind.name for kind in ACTIVATIONS],
            "loss": [kind.__name__ for kind in LOSSES],
            "optimizer": [name for name, _ in OPTIMIZERS],
        }
        missing = [getattr(problem, field) for field, names in known.items() if getattr(problem, field) not in names]
        missing += [problem.options] if problem.options else []
        return f"the NumPy reference has no {', '.join(missing)}" if missing else ""

    def setup(self, work: Workload) -> None:
        problem = work.problem
        self.work = work
        self.network = self._network(problem.dtype)
        self.optimizer = make_optimizer(problem.optimizer, problem.learning_rate, problem.n_params, problem.dtype)
        firsts = range(0, problem.samples, problem.batch)
        self.batches = [(work.X[i : i + problem.batch], work.y[i : i + problem.batch]) for i in firsts]

    def _network(self, dtype: str) -> NumpyNetwork:
        work, problem = self.work, self.work.problem
        return NumpyNetwork(work.weights, work.biases, problem.activation, problem.loss, problem.batch, dtype)

    def array(self, values: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(values)

    def step(self, xb: NDArray[Any], yb: NDArray[Any]) -> float:
        network = self.network
        value = network.loss_and_grad(xb, yb)
        self.optimizer.update(network.params, network.grads)
        return value

    def epoch(self) -> float:
        total = 0.0
        for xb, yb in self.batches:
            total += self.step(xb, yb)
        return total / len(self.batches)

    def loss(self) -> float:
        return self.network.loss(self.work.X, self.work.y)

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        return self.network.predict(X)

    def check_gradients(self) -> NDArray[np.float64]:
        network = self._network("float64")
        xb, yb = self.batches[0]
        X, y = xb.astype(np.float64), yb if yb.dtype.kind == "i" else yb.astype(np.float64)
        network.loss_and_grad(X, y)
        numeric = network.numeric_gradient(X, y)
        error = np.abs(network.grads - numeric).max() / np.abs(numeric).max()
        if not error < TOLERANCE:
            raise GradientError(f"gradient and differences are {error:.2g} apart, of the largest difference")
        return numeric

    def wait(self) -> None:
        """Return at once; nothing runs asynchronously."""
