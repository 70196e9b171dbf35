"""JAX: `vmap` over a fit that is one `lax.scan` over epochs and batches, compiled once for all models.

The flags that set XLA's threads stand in the environment before JAX is imported: `benchmarks.libraries.jax` does that.
"""

from typing import Any, final

import jax
import numpy as np
from numpy.typing import NDArray

from ..libraries.jax import JaxLibrary, value
from .cases import Work
from .library import ManyLibrary


@final
class Vmapped(ManyLibrary):
    """A list of (weight, bias) with an axis of models before; rates are an argument with that axis too."""

    def versions(self) -> dict[str, str]:
        return JaxLibrary().versions()

    def setup(self, work: Work) -> None:
        problem = work.problem

        def one(params: Any, rate: jax.Array, X: jax.Array, y: jax.Array) -> Any:
            shape = (problem.steps, problem.batch)
            batches = tuple(array.reshape(*shape, *array.shape[1:]) for array in (X, y))

            def step(params: Any, batch: Any) -> Any:
                grads = jax.grad(value)(params, *batch, problem)
                return jax.tree.map(lambda p, g: p - rate * g, params, grads), None

            def epoch(params: Any, _: Any) -> Any:
                return jax.lax.scan(step, params, batches)

            return jax.lax.scan(epoch, params, None, length=problem.epochs)[0]

        axis = 0 if work.own else None
        self.fits = jax.jit(jax.vmap(one, in_axes=(0, 0, axis, axis)))
        self.initial = [tuple(map(jax.numpy.array, pair)) for pair in zip(work.weights, work.biases, strict=True)]
        self.given = tuple(map(jax.numpy.array, (work.rates, work.X, work.y)))

    def fit(self) -> Any:
        self.params = self.fits(self.initial, *self.given)
        return self.params

    def wait(self) -> None:
        jax.block_until_ready(self.params)

    def parameters(self) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
        weights, biases = zip(*self.params, strict=True)
        return [np.asarray(weight) for weight in weights], [np.asarray(bias) for bias in biases]
