"""Measurements of a data parallel step: the sum over the ranks, a shard, the update, and whole steps of a fit.

Design
------
- Every rank computes at the same time, so that what they share, memory above all, is shared as in a fit; the slowest
  rank counts. Times are medians.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .._kernels import cache_sizes, load
from ..base.defaults import DEFAULTS
from ..layers.dense import Dense
from ..layers.stack import Model, Stack
from ..losses import get_loss
from ..optimizers.full_batch import get_method
from ..training.compiled import begin
from ..training.settings import OPTIONS, Settings
from ..training.state import TrainingState
from ..training.trainer import Trainer
from .cost_model import PRESETS, Compute, Network, Timed, fit_compute, fit_network
from .group import Group
from .reduction import Reduction

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
"""Numbers (float32) in the sums that are measured."""
MOST_CACHE = 32 * 2**20
"""Of the last-level cache at most so many bytes count: a virtual machine may name that of the whole host."""


class Net(Model):
    """Dense layers with a cross entropy over their outputs."""

    def __init__(self, widths: Sequence[int]) -> None:
        pairs = list(pairwise(widths))
        layers = [Dense(a, b, "relu") for a, b in pairs[:-1]] + [Dense(*pairs[-1])]
        self._stack = Stack(tuple(layers), 0, "float32")
        self._stack.reset()

    @property
    def stack(self) -> Stack:
        """The layers and parameters."""
        return self._stack


class Measured(NamedTuple):
    """What a report measures; times in seconds."""

    ranks: int
    layers: tuple[int, ...]
    batch: int
    shards: int
    n_params: int
    sums: list[Timed]
    parts: list[Timed]
    compute: Compute
    network: Network
    one: float
    all: float


def measured(comm: Any, widths: tuple[int, ...], batch: int, shards: int, seconds: float) -> Measured:
    """Measure on every rank; all return the same."""
    size = comm.Get_size()
    net = Net(widths)
    n_params = net.stack.n_params
    sums = [Timed(4 * n, sum_seconds(comm, n, seconds)) for n in SIZES] if size > 1 else []
    rows = sorted({max(batch // k, 1) for k in (1, 2, 4, 8, 16, 32, max(shards, size))})
    parts = [Timed(n, part_seconds(comm, net, n, seconds)) for n in rows]
    call, row = fit_compute(parts)
    update = update_seconds(comm, net, seconds)
    compute = Compute(call, row, update)
    network = fit_network(size, sums, cache_bytes()) if size > 1 else PRESETS["10GbE"]
    one = step_seconds(comm, net, batch, shards, seconds, spread=False)
    together = step_seconds(comm, net, batch, shards, seconds, spread=True) if size > 1 else one
    return Measured(size, widths, batch, shards, n_params, sums, parts, compute, network, one, together)


def cache_bytes() -> float:
    """Return the largest vector whose sum stays in the last-level cache: a third of it, beside what is received."""
    return min(cache_sizes()[2] or MOST_CACHE, MOST_CACHE) / 3


def _median(comm: Any, call: Callable[[], object], seconds: float) -> float:
    """Return the median time of a call that all ranks make together, the slowest rank's."""
    call()
    times: list[float] = []
    began = time.perf_counter()
    goes = True
    while goes:
        comm.allgather(None)
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
        goes = comm.bcast(len(times) < 5 or time.perf_counter() - began < seconds)
    slowest: float = max(comm.allgather(float(np.median(times))))
    return slowest


def sum_seconds(comm: Any, n: int, seconds: float) -> float:
    """Return the time of the sum of a vector of n numbers over the ranks."""
    size = comm.Get_size()
    reduction = Reduction(Group(comm, None), size, n, "float32", "tree")
    total = np.zeros(n, np.float32)
    return _median(comm, lambda: reduction.exchange(total), seconds)


def state_of(net: Net, batch: int) -> TrainingState:
    """Return a training of the net with Adam, before its first step."""
    options = {name: getattr(DEFAULTS, name) for name in OPTIONS} | {"batch_size": batch, "shuffle": False, "seed": 0}
    return begin(net.stack, Settings(get_loss("cross_entropy"), get_method("adam"), **options).checked(net.stack))


def part_seconds(comm: Any, net: Net, rows: int, seconds: float) -> float:
    """Return the time in which every rank computes the gradient of one shard of some rows, and adds it to others."""
    X, y = samples(net, rows)
    run = state_of(net, rows).run
    part, grads, total = load("float32").step_part, *np.zeros((2, net.stack.n_params), np.float32)
    order = np.arange(rows)

    def shard() -> None:
        part(run, (X, None, y, None), order, 0, 1 / rows, grads)
        np.add(total, grads, out=total)

    return _median(comm, shard, seconds)


def update_seconds(comm: Any, net: Net, seconds: float) -> float:
    """Return the time of Adam's update of all parameters."""
    state = state_of(net, 1)
    state.grads[:] = 1e-6
    return _median(comm, lambda: state.run.apply_gradient(False), seconds)


def step_seconds(comm: Any, net: Net, batch: int, shards: int, seconds: float, *, spread: bool) -> float:
    """Return the time of a step of a fit, on all ranks together or on each by itself; the first epoch warms up."""
    steps = 4
    X, y = samples(net, batch * steps)
    trainer = Trainer(net, "cross_entropy", batch_size=batch, shuffle=False, seed=0)
    own = comm if spread and comm.Get_size() > 1 else None
    one = trainer.fit(X, y, epochs=2, comm=own, shards=shards).seconds[1]
    epochs = comm.bcast(int(np.clip(seconds / one, 3, 200)))
    comm.allgather(None)
    times = trainer.fit(X, y, epochs=epochs, comm=own, shards=shards).seconds
    slowest: float = max(comm.allgather(float(np.median(times))))
    return slowest / steps


def samples(net: Net, n: int) -> tuple[Any, Any]:
    """Return random rows and labels for a net."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, net.stack.in_features), dtype=np.float32)
    return X, rng.integers(0, net.stack.out_features, n)
