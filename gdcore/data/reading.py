"""The order in which the rows of a source are read: blocks, and windows of several blocks.

Design
------
- An epoch is a sequence of rows: the source's blocks in a random order, cut into windows of equal length, and the rows
  of each window in a random order of their own. A window is read before the one in front of it is used up, so two of
  them are in memory.
- The sequence is a function of (seed, epoch) and needs nothing but the numbers of rows. So a step's rows are known
  without those before them: training resumes within an epoch by reading one window.
- The blocks of a window are read from the front of the source to its end, whatever their order, for the rows are
  shuffled afterwards.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._kernels import load
from ..base import checks
from . import source_checks

WHOLE_BYTES = 2**25
"""A source of at most so many bytes, in float32, is by default one window, and so read once."""
WINDOW_BYTES, DECODED_BYTES = 2**23, 2**25
"""A window of a larger source has so many bytes by default: of rows that stand in a file as they are, and of rows that
are decoded, in groups or chunks of which a window should hold several. Twice as many are in memory, and a block. The
first window is waited for, and memory that is new to the process is slow: a short fit of 784-128-10 takes 1.00 of the
time from memory with 8 MiB, 1.11 with 16 and 1.22 with 32. With 4 MiB a linear model takes 1.4 times the time."""
BLOCKS = 16
"""A window is made of so many blocks by default: fewer are read faster from slow disks, more are mixed better."""
ROW_BYTES = 16
"""Beside its numbers a row takes so much: its place in the order, and a target."""
STRIDE = 0x9E3779B97F4A7C15
"""Distance between the seeds of windows; it is odd, so that they differ."""


class Reading(NamedTuple):
    """How many rows of a source are read and kept at a time, and in which order.

    Attributes
    ----------
    window_rows, block_rows : int
    order : {"blocks", "rows"}
    """

    window_rows: int
    block_rows: int
    order: str = "blocks"


def reading(
    n_samples: int,
    n_features: int,
    window_rows: int | None = None,
    block_rows: int | None = None,
    order: str = "blocks",
    window_bytes: int = WINDOW_BYTES,
) -> Reading:
    """Check and return how a source is read.

    Parameters
    ----------
    n_samples, n_features : int
        Size of the source.
    window_rows : int, optional
        By default all, where they take at most 32 MiB, and else those that take `window_bytes`.
    block_rows : int, optional
        By default a sixteenth of the window.
    order : {"blocks", "rows"}, default "blocks"
        "rows" asks for any order of all rows, and so for a window that holds them all.
    window_bytes : int, default 8 MiB
        Size of a window of a source that is larger than one.

    Raises
    ------
    TypeError, ValueError
        For numbers below 1, a block larger than the window, and an order that the window does not allow.

    Examples
    --------
    >>> reading(10**9, 1000)
    Reading(window_rows=2088, block_rows=131, order='blocks')
    >>> reading(1000, 1000)
    Reading(window_rows=8355, block_rows=523, order='blocks')
    """
    if window_rows is None:
        row = 4 * n_features + ROW_BYTES
        size = WHOLE_BYTES if n_samples * row <= WHOLE_BYTES else window_bytes
        window_rows = max(1, size // row, block_rows or 1)
    window = checks.integer("window_rows", window_rows, 1)
    block = max(1, -(-window // BLOCKS)) if block_rows is None else checks.integer("block_rows", block_rows, 1)
    source_checks.block_fits(block, window)
    checks.one_of("order", order, ("blocks", "rows"))
    if order == "rows":
        source_checks.rows_fit(n_samples, n_features, window)
    return Reading(window, block, order)


class Part(NamedTuple):
    """A part of an epoch, in memory at once."""

    start: int
    """Place of its first row in the epoch."""
    pieces: list[tuple[int, int]]
    """First row and end of each stretch of the source."""
    order: NDArray[np.int64] | None
    """Order of its rows (n,); None means their own."""

    @property
    def rows(self) -> int:
        """Number of rows."""
        return sum(end - first for first, end in self.pieces)


class Order(NamedTuple):
    """The order of an epoch over n rows, in windows of `window` rows that are read in blocks of `block`.

    Examples
    --------
    >>> order = Order(n=10, window=4, block=2, seed=None, epoch=0)
    >>> order.part(1, 10).pieces
    [(4, 6), (6, 8)]
    >>> order._replace(seed=1).part(1, 10).pieces
    [(6, 8), (8, 10)]
    """

    n: int
    window: int
    block: int
    seed: int | None
    """None: the source's own order."""
    epoch: int

    def part(self, index: int, samples: int) -> Part:
        """Return a window of the epoch, which uses `samples` of the rows."""
        return self.between(index, *self._places(index, samples))

    def pieces(self, index: int, samples: int) -> list[tuple[int, int]]:
        """Return the pieces of a window alone."""
        return self._pieces(*self._places(index, samples))

    def _places(self, index: int, samples: int) -> tuple[int, int]:
        start = index * self.window
        return start, min(start + self.window, samples)

    def between(self, index: int, start: int, end: int) -> Part:
        """Return places start … end - 1 of the epoch as its window number `index`."""
        order = None if self.seed is None else self._shuffled(index + 1, end - start)
        return Part(start, self._pieces(start, end), order)

    def _pieces(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return the stretches of the source at places start … end - 1 of the sequence of shuffled blocks."""
        if self.seed is None:
            return cut(start, end, self.block)
        blocks, ends = self._blocks()
        at = int(np.searchsorted(ends, start, side="right"))
        found = []
        while start < end:
            first = int(blocks[at]) * self.block
            before = int(ends[at]) - min(self.block, self.n - first)
            last = min(int(ends[at]), end)
            found.append((first + start - before, first + last - before))
            start, at = last, at + 1
        return sorted(found)

    @lru_cache(maxsize=2)  # noqa: B019 - this is a tuple of numbers
    def _blocks(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the shuffled blocks, and the place at which each ends."""
        blocks = self._shuffled(0, -(-self.n // self.block))
        return blocks, np.cumsum(np.minimum(self.block, self.n - blocks * self.block))

    def _shuffled(self, stream: int, n: int) -> NDArray[np.int64]:
        seed = ((self.seed or 0) + (stream + 1) * STRIDE) % 2**64
        order = np.empty(n, np.int64)
        load("float64").shuffled(seed, self.epoch, order)
        return order


def cut(first: int, end: int, block: int) -> list[tuple[int, int]]:
    """Return rows first … end - 1 in stretches of at most `block`."""
    return [(at, min(at + block, end)) for at in range(first, end, block)]
