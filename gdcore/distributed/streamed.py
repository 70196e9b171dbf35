"""Streams in shards: which rows of a source each shard has, and in which order.

Design
------
- Each shard has a stretch of the source of its own, as long as its share of all steps, and its own order there: blocks
  are shuffled, and rows within a window, as in one process. So a rank reads its shards' stretches and nothing else, and
  a batch has rows from as many places as there are shards.
- Rows, order and windows follow from the number of shards, not from that of ranks.
- A window holds the rows of some whole steps, of all shards of the rank. Those of one process are as long as its own.
- With `drop_last` the rows that are left out are at the ends of the source, in each epoch others.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.ahead import ahead
from ..data.reading import Order, Part
from ..data.samples import Samples
from ..training.diverged import explain
from ..training.errors import DivergedError
from ..training.state import TrainingState

if TYPE_CHECKING:
    from ..data.stream import Stream

STRIDE = 0xBF58476D1CE4E5B9
"""Distance between the seeds of shards; it is odd, and another one than that of windows (data/reading.py)."""


class Cuts(NamedTuple):
    """How an epoch's rows are cut, by steps and by shards."""

    shards: int
    size: int
    """Rows of a step but the last."""
    samples: int
    """Rows of the epoch."""

    def rows_of(self, step: int) -> int:
        """Return the number of rows of a step."""
        return min(self.size, self.samples - step * self.size)

    def before(self, shard: int, step: int) -> int:
        """Return how many rows the shards before this one have in all steps before this one."""
        whole, rest = divmod(min(step * self.size, self.samples), self.size)
        return whole * (self.size * shard // self.shards) + rest * shard // self.shards

    def place(self, shard: int, step: int) -> int:
        """Return how many rows a shard has in all steps before this one."""
        return self.before(shard + 1, step) - self.before(shard, step)


class Orders(NamedTuple):
    """The orders of all shards in one epoch."""

    cuts: Cuts
    seed: int | None
    """None: the source's own order."""
    epoch: int
    stretch: int
    """Steps of a window."""

    def part(self, shard: int, index: int, data: Stream) -> tuple[int, Part]:
        """Return the first row of a shard's stretch of the source, and what window number `index` has of it."""
        cuts = self.cuts
        total = -(-cuts.samples // cuts.size)
        n = cuts.place(shard, total)
        start = cuts.place(shard, min(index * self.stretch, total))
        end = cuts.place(shard, min((index + 1) * self.stretch, total))
        first = self.epoch % (data.n - cuts.samples + 1) + cuts.before(shard, total)
        if start == end:
            return first, Part(start, [], None)
        seed = None if self.seed is None else (self.seed + (shard + 1) * STRIDE) % 2**64
        return first, Order(n, n, data.block, seed, self.epoch).between(index, start, end)


class ShardWindow(NamedTuple):
    """The rows of some steps, of a rank's shards."""

    steps: range
    cuts: Cuts
    held: dict[int, tuple[Samples, NDArray[np.int64], int]]
    """Shard -> samples, their order, and the place of the first one among the shard's rows of the epoch."""

    def rows_of(self, step: int) -> int:
        """Return the number of rows of a step, of all shards."""
        return self.cuts.rows_of(step)

    def part(self, step: int, shard: int, first: int, end: int) -> tuple[Samples, NDArray[np.int64]]:
        """Return samples, and which of them are a shard's rows first … end - 1 of a step."""
        data, order, start = self.held[shard]
        at = self.cuts.place(shard, step) - start
        return data, order[at : at + end - first]

    def explain(self, state: TrainingState, stream: Stream, step: int, kind: str) -> DivergedError:
        """Return the error for a step that was refused; this rank's own rows may not be those to blame."""
        size, batch = self.cuts.size, min(state.settings.batch_size, stream.n)
        first = step * size
        batches = range(first // batch, -(-min(first + size, self.cuts.samples) // batch))
        for shard in self.held:
            rows = self.cuts.place(shard, step + 1) - self.cuts.place(shard, step)
            if rows:
                data, order = self.part(step, shard, 0, rows)
                return explain(state, data, order, kind, batches)
        return explain(state, stream.head, slice(0, 1), kind, batches)


def shard_windows(
    state: TrainingState,
    data: Stream,
    shards: int,
    held: tuple[int, int],
    steps: range,
    extent: tuple[int, int, int],
) -> Generator[ShardWindow, None, None]:
    """Yield the windows of these steps of the current epoch for the shards `held`, read ahead in a thread."""
    size, samples, _ = extent
    cuts = Cuts(shards, size, samples)
    stretch = max(1, data.window // size)
    windows = range(steps.start // stretch, -(-steps.stop // stretch))
    seed = state.seed if state.settings.shuffle else None
    reads = partial(_window, data, Orders(cuts, seed, state.epochs_done, stretch), held)
    return ahead([partial(reads, i, _common(steps, i * stretch, (i + 1) * stretch)) for i in windows])


def _common(steps: range, first: int, end: int) -> range:
    return range(max(steps.start, first), min(steps.stop, end))


def _window(data: Stream, orders: Orders, held: tuple[int, int], index: int, steps: range, stop: Event) -> ShardWindow:
    """Read the rows of a window, of which these steps are asked for."""
    found: dict[int, tuple[Samples, NDArray[np.int64], int]] = {}
    for shard in range(*held):
        if stop.is_set():
            break
        first, part = orders.part(shard, index, data)
        pieces = [data.take(first + a, first + b) for a, b in part.pieces]
        if pieces:
            order = np.arange(part.rows) if part.order is None else part.order
            found[shard] = _joined(pieces), order, part.start
    return ShardWindow(steps, orders.cuts, found)


def _joined(pieces: list[Samples]) -> Samples:
    """Return pieces of samples as one."""
    if len(pieces) == 1:
        return pieces[0]
    columns = zip(*pieces, strict=True)
    return Samples(*(None if column[0] is None else np.concatenate(column) for column in columns))
