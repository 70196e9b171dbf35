"""What a data parallel step costs on n ranks: computation, latency and bandwidth.

Design
------
- A step computes the gradient of the rank's shards, sums it over the ranks, and updates. Shards are computed one after
  another, so each pays what a call costs whatever its rows.
- The sum (reduction.py) sends 2 (n - 1) messages and 2 (n - 1) / n of the gradient's bytes for each rank, and adds the
  rest up on the way. Bytes cost more where the gradient does not fit the last-level cache: two regimes.
- Everything is fitted by least squares of the relative errors, so that small and large sizes count the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple, final

import numpy as np


class Timed(NamedTuple):
    """Seconds that something of some size took: rows of a shard, or bytes of a sum."""

    size: int
    seconds: float


@final
@dataclass(frozen=True)
class Compute:
    """Seconds of a shard's gradient: `call` + rows * `row`; and of an update of all parameters."""

    call: float
    row: float
    update: float = 0.0

    def seconds(self, rows: float, shards: int = 1) -> float:
        """Return the time of some rows in so many shards, and of the update.

        Examples
        --------
        >>> round(Compute(1e-5, 1e-6).seconds(100, shards=2) * 1e6)
        120
        """
        return shards * self.call + rows * self.row + self.update


@final
@dataclass(frozen=True)
class Network:
    """What joins the ranks: seconds of a message, and of a byte, in sums that fit the cache and in larger ones."""

    latency: float
    byte: float
    large_byte: float
    cache: float = float("inf")

    def seconds(self, ranks: int, size: int) -> float:
        """Return the time of the sum of vectors of `size` bytes.

        Examples
        --------
        >>> round(Network(1e-5, 1e-9, 1e-9).seconds(2, 1_000_000) * 1e6)
        1020
        """
        if ranks == 1:
            return 0.0
        byte = self.byte if size <= self.cache else self.large_byte
        return 2 * (ranks - 1) * self.latency + 2 * (ranks - 1) / ranks * size * byte


@final
@dataclass(frozen=True)
class Step:
    """Seconds of a step on `ranks` ranks, and in parts."""

    ranks: int
    compute: float
    latency: float
    bandwidth: float

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.compute + self.latency + self.bandwidth

    @property
    def reduction(self) -> float:
        """What the sum of the gradients takes."""
        return self.latency + self.bandwidth


PRESETS = {"10GbE": Network(30e-6, 1 / 1.1e9, 1 / 1.1e9), "100GbE": Network(10e-6, 1 / 11e9, 1 / 11e9)}
"""Assumed of Ethernet: a message's latency, over TCP at 10 Gbit/s and over RDMA at 100, and 88 % of the line's rate."""


def step(compute: Compute, network: Network, ranks: int, batch: int, size: int, shards: int = 1) -> Step:
    """Return the predicted step of `batch` rows in all, whose gradient has `size` bytes.

    Parameters
    ----------
    compute : Compute
    network : Network
    ranks, batch, size : int
    shards : int, default 1
        Of the batch; each rank has at least one.
    """
    whole = network.seconds(ranks, size)
    latency = 2 * (ranks - 1) * network.latency
    own = ceil(shards / ranks)
    rows = batch / max(shards, ranks) * own
    return Step(ranks, compute.seconds(rows, own), latency, whole - latency if ranks > 1 else 0.0)


def efficiency(one: Step, many: Step) -> float:
    """Return the speed-up over one rank for each rank, of steps over the same batch."""
    return one.seconds / (many.seconds * many.ranks)


def last_that_pays(compute: Compute, network: Network, batch: int, size: int, shards: int = 1) -> int:
    """Return the number of ranks, at most one for each row, whose step is the shortest: beyond it none pays.

    Examples
    --------
    >>> last_that_pays(Compute(0.0, 1e-6), Network(1e-5, 0.0, 0.0), 2000, 4000)
    10
    """
    counts = sorted({*range(1, min(batch, 256) + 1), *(int(n) for n in np.geomspace(1, batch, 500))})
    seconds = {n: step(compute, network, n, batch, size, max(shards, n)).seconds for n in counts}
    best: int = min(counts, key=seconds.__getitem__)
    return best


def even_ranks(compute: Compute, network: Network, batch: int, size: int, shards: int = 1) -> int | None:
    """Return the first number of ranks whose sum takes as long as its computation; None if it never does."""
    for n in range(2, batch + 1):
        found = step(compute, network, n, batch, size, max(shards, n))
        if found.reduction >= found.compute:
            return n
    return None


def fit_compute(rows: Sequence[Timed]) -> tuple[float, float]:
    """Return the seconds of a call and of a row, neither below 0.

    Examples
    --------
    >>> call, row = fit_compute([Timed(10, 2e-4), Timed(100, 1.1e-3), Timed(1000, 1.01e-2)])
    >>> round(call * 1e6), round(row * 1e6)
    (100, 10)
    """
    found = _fitted([(1.0, float(size)) for size, _ in rows], [seconds for _, seconds in rows])
    return found[0], found[1]


def fit_network(ranks: int, sums: Sequence[Timed], cache: float) -> Network:
    """Return the network of measured sums (bytes, seconds): latency and bandwidth below the cache, bandwidth above.

    Parameters
    ----------
    ranks : int
        On which they were measured, at least 2.
    sums : sequence of Timed
    cache : float
        The largest vector, in bytes, of the first regime.
    """
    messages, share = 2.0 * (ranks - 1), 2 * (ranks - 1) / ranks
    small = [timed for timed in sums if timed.size <= cache]
    large = [timed for timed in sums if timed.size > cache]
    latency, byte = _fitted([(messages, share * size) for size, _ in small], [seconds for _, seconds in small])
    above = byte
    if large:
        rest = [max(seconds - messages * latency, 0.0) for _, seconds in large]
        above = float(np.median([seconds / (share * size) for (size, _), seconds in zip(large, rest, strict=True)]))
    return Network(latency, byte, above, cache)


def _fitted(columns: list[tuple[float, float]], seconds: list[float]) -> tuple[float, float]:
    """Return the two factors, >= 0, with the least squares of the relative errors."""
    scaled = np.array(columns) / np.array(seconds)[:, None]
    target = np.ones(len(seconds))
    best, least = (0.0, 0.0), np.inf
    for active in ((0, 1), (1,), (0,)):
        found = np.zeros(2)
        chosen = scaled[:, active]
        found[list(active)] = np.linalg.lstsq(chosen / np.abs(chosen).max(axis=0), target)[0]
        found[list(active)] /= np.abs(chosen).max(axis=0)
        error = float(((scaled @ found - target) ** 2).sum())
        if (found >= 0).all() and error < least * (1 - 1e-9):
            best, least = (float(found[0]), float(found[1])), error
    return best
