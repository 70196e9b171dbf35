"""JAX: an epoch over the whole batches of a random order as one compiled `lax.scan`, with Adam written out."""

import time
from itertools import pairwise

began = time.perf_counter()
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from course import BATCH, BETAS, EPS, RATE, WIDTHS, run  # noqa: E402


def forward(params, X):
    """Return raw outputs."""
    (first, bias), (second, last_bias) = params
    return jax.nn.relu(X @ first + bias) @ second + last_bias


def loss(params, X, y):
    """Return the mean cross-entropy."""
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(forward(params, X)), y[:, None], axis=1))


def step(carry, batch):
    """Make one step of Adam."""
    params, first, second, count = carry
    value, grads = jax.value_and_grad(loss)(params, *batch)
    count = count + 1
    first = jax.tree.map(lambda m, g: BETAS[0] * m + (1 - BETAS[0]) * g, first, grads)
    second = jax.tree.map(lambda v, g: BETAS[1] * v + (1 - BETAS[1]) * g * g, second, grads)
    size, root = RATE / (1 - BETAS[0] ** count), jnp.sqrt(1 - BETAS[1] ** count)
    params = jax.tree.map(lambda p, m, v: p - size * m / (jnp.sqrt(v) / root + EPS), params, first, second)
    return (params, first, second, count), value


@jax.jit
def passes(carry, key, X, y):
    """Make one epoch."""
    n = len(X) // BATCH * BATCH
    rows = jax.random.permutation(key, len(X))[:n].reshape(-1, BATCH)
    return jax.lax.scan(step, carry, (X[rows], y[rows]))[0]


labels = jax.jit(lambda params, X: forward(params, X).argmax(1))


def make(X, y, seed):
    """Return an epoch and a classifier."""
    X, y, key = jnp.asarray(X), jnp.asarray(y), jax.random.key(seed)
    params = []
    for n_in, n_out in pairwise(WIDTHS):
        key, drawn = jax.random.split(key)
        params.append((jax.random.normal(drawn, (n_in, n_out)) * (2 / n_in) ** 0.5, jnp.zeros(n_out)))
    zeros = jax.tree.map(jnp.zeros_like, params)
    state = {"carry": (params, zeros, zeros, jnp.zeros(())), "key": key}

    def epoch():
        state["key"], drawn = jax.random.split(state["key"])
        state["carry"] = passes(state["carry"], drawn, X, y)

    return epoch, lambda inputs: labels(state["carry"][0], inputs)


run(began, jax.__version__, make)
