"""JAX: a jitted step, and the whole epoch in one `lax.scan`.

Design
------
- Parameters and the optimizer's state are donated: XLA updates them in place.
- `step` is one call of the jitted step from Python. `epoch` is one call too: the scan over batches stacked beforehand.
- Calls return before their work is done; `wait` blocks, once, at the end of a run. Arrays are on the device before.
- XLA's own threads are set by flags that must stand in the environment before JAX is imported.
"""

import os
from importlib.metadata import version
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from gdcore.bench.library import Library
from gdcore.bench.problems import Problem, Workload

THREADS = os.environ.get("OMP_NUM_THREADS", "1")
SEVERAL = str(THREADS != "1").lower()
FLAGS = f"--xla_cpu_multi_thread_eigen={SEVERAL} intra_op_parallelism_threads={THREADS}"
if os.environ.get("GDCORE_BENCH_ISA") == "v3" and int(version("jaxlib").split(".")[1]) >= 10:
    FLAGS += " --xla_cpu_max_isa=AVX2"  # 0.4.31 has no such flag, and its own loops use AVX2 in any case.
os.environ["XLA_FLAGS"] = FLAGS

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

jax.config.update("jax_platforms", "cpu")

ACTIVATIONS = {"tanh": jnp.tanh, "relu": jax.nn.relu}
BETAS, EPS = (0.9, 0.999), 1e-8


def forward(params: Any, X: jax.Array, activation: str) -> jax.Array:
    """Raw outputs (n, k) of X (n, n_in); params is a list of (weight, bias)."""
    for weight, bias in params[:-1]:
        X = ACTIVATIONS[activation](X @ weight + bias)
    weight, bias = params[-1]
    return X @ weight + bias


def value(params: Any, X: jax.Array, y: jax.Array, problem: Problem) -> jax.Array:
    """The mean loss."""
    z = forward(params, X, problem.activation)
    if problem.loss == "binary_cross_entropy":
        return jnp.mean(jnp.logaddexp(0, z) - y * z)
    if problem.loss == "mean_squared_error":
        return jnp.mean((z - y) ** 2)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1))


def update(problem: Problem, params: Any, state: Any, grads: Any) -> tuple[Any, Any]:
    """New parameters and state."""
    rate = problem.learning_rate
    if problem.optimizer == "sgd":
        return jax.tree.map(lambda p, g: p - rate * g, params, grads), state
    count, first, second = state
    count = count + 1
    first = jax.tree.map(lambda m, g: BETAS[0] * m + (1 - BETAS[0]) * g, first, grads)
    second = jax.tree.map(lambda v, g: BETAS[1] * v + (1 - BETAS[1]) * g * g, second, grads)
    size, root = rate / (1 - BETAS[0] ** count), jnp.sqrt(1 - BETAS[1] ** count)
    new = jax.tree.map(lambda p, m, v: p - size * m / (jnp.sqrt(v) / root + EPS), params, first, second)
    return new, (count, first, second)


@final
class JaxLibrary(Library):
    """A network as a list of (weight, bias), and the optimizer's state beside it."""

    def versions(self) -> dict[str, str]:
        return {"jax": jax.__version__, "flags": os.environ["XLA_FLAGS"]}

    def refuses(self, task: str, problem: Problem) -> str:
        if task.endswith(":gradcheck"):
            return "check_grads looks along one random direction, not at every parameter"
        return f"its adapter has no {problem.options}" if problem.options else ""

    def setup(self, work: Workload) -> None:
        problem = work.problem
        jax.config.update("jax_enable_x64", problem.dtype == "float64")
        self.params = [tuple(map(jnp.array, pair)) for pair in zip(work.weights, work.biases, strict=True)]
        zeros = [jax.tree.map(jnp.zeros_like, self.params) for _ in range(2)]
        self.state = (jnp.zeros((), problem.dtype), *zeros) if problem.optimizer == "adam" else ()
        self.X, self.y = self.array(work.X), self.array(work.y)
        shape = (problem.steps, problem.batch)
        self.batches = tuple(jnp.reshape(all_, (*shape, *all_.shape[1:])) for all_ in (self.X, self.y))

        def step(carry: Any, batch: Any) -> tuple[Any, jax.Array]:
            params, state = carry
            loss, grads = jax.value_and_grad(value)(params, *batch, problem)
            return update(problem, params, state, grads), loss

        self.jitted_step = jax.jit(step, donate_argnums=0)
        self.jitted_epoch = jax.jit(lambda carry, batches: jax.lax.scan(step, carry, batches), donate_argnums=0)
        self.jitted_loss = jax.jit(lambda params, X, y: value(params, X, y, problem))
        self.jitted_forward = jax.jit(lambda params, X: forward(params, X, problem.activation))
        self.last: Any = None

    def array(self, values: NDArray[Any]) -> jax.Array:
        return jnp.array(values)

    def step(self, xb: jax.Array, yb: jax.Array) -> jax.Array:
        (self.params, self.state), self.last = self.jitted_step((self.params, self.state), (xb, yb))
        return self.last

    def epoch(self) -> jax.Array:
        (self.params, self.state), self.last = self.jitted_epoch((self.params, self.state), self.batches)
        return self.last

    def loss(self) -> float:
        return float(self.jitted_loss(self.params, self.X, self.y))

    def predict(self, X: jax.Array) -> jax.Array:
        self.last = self.jitted_forward(self.params, X)
        return self.last

    def check_gradients(self) -> NDArray[np.float64]:
        raise AssertionError("`refuses` says so")

    def wait(self) -> None:
        jax.block_until_ready((self.params, self.state, self.last))
