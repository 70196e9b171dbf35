"""What does training from a file cost over training from memory, and over reading alone?

    python benchmarks/large_data.py --pairs 15 --folder /tmp

Two pairs, each in turns within one process, on two processors: one for training, and one for the threads that read.

- A fit of 784-128-10, the size of MNIST, from an array and from a `.npy` file in windows. On Linux the training thread
  stays on one processor and the reading thread on the other.
- A fit of a linear model from a Parquet file, and pyarrow's own iteration over its groups of rows as often, each column
  an array of NumPy at the end: by one thread of pyarrow's, and by as many as it takes, which leave no processor free.
  The rate is that of the numbers, in bytes as float32.

A thread that waits costs nothing but the clock's time, and so does a thread that another program's has replaced. So
beside the clock stands the processor's time of the training thread, in which a busy machine shows less; if reading
takes less of it than training, it hides behind training on a machine with two free processors.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import gdcore as gd

EPOCHS = 3
"""Those of a fit that is timed. The first window of the first one is waited for."""
ROWS, PIXELS, CLASSES = 60_000, 784, 10
TABLE_ROWS, COLUMNS, GROUP = 1_000_000, 64, 2**15


def pin() -> str:
    """Keep this thread, and those that it starts, on two processors, if the system knows how, and say which."""
    if not hasattr(os, "sched_setaffinity"):
        return "not pinned"
    CHOSEN[:] = sorted(os.sched_getaffinity(0))[:2]
    keep_on(0, -1)
    return f"processors {', '.join(map(str, CHOSEN))}"


class Elsewhere(gd.data.Source):
    """A source that is read on another processor than the one on which the training thread is."""

    def __init__(self, source: gd.data.Source) -> None:
        self.source = source

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return self.source.n_samples

    @property
    def n_features(self) -> int:
        """Number of columns of X."""
        return self.source.n_features

    @property
    def reading(self) -> gd.data.Reading:
        """How the source is read."""
        return self.source.reading

    def read(self, first: int, end: int) -> tuple[Any, Any]:
        """Return X and y of rows first … end - 1."""
        return self.source.read(first, end)

    def read_into(self, first: int, end: int, X: NDArray[Any]) -> tuple[Any, Any]:
        """Return what `read` does, X in the given array."""
        if threading.current_thread() is not threading.main_thread():
            keep_on(-1)
        return self.source.read_into(first, end, X)

    def place(self, row: int, of: str) -> tuple[str, int]:
        """Return where a row stands."""
        return self.source.place(row, of)


CHOSEN: list[int] = []
"""The processors that `pin` has chosen."""


def keep_on(*which: int) -> None:
    """Keep the calling thread, and those that it starts, on some of the chosen processors."""
    if CHOSEN:
        os.sched_setaffinity(0, {CHOSEN[i] for i in which})


class Cost(NamedTuple):
    """Seconds of a call: by the clock, of its own thread, and of the other threads' work."""

    clock: float
    own: float
    others: float


def cost(work: Callable[[], object]) -> Cost:
    """Return what a call costs."""
    clock, own, whole = time.perf_counter(), time.thread_time(), time.process_time()
    work()
    own = time.thread_time() - own
    return Cost(time.perf_counter() - clock, own, time.process_time() - whole - own)


def in_turns(one: Callable[[], object], other: Callable[[], object], pairs: int) -> tuple[list[Cost], list[Cost]]:
    """Return the costs of each, one after the other and then the other way round, after a call that is not counted."""
    one(), other()
    ones, others = [], []
    for i in range(pairs):
        for first in (True, False) if i % 2 else (False, True):
            (ones if first else others).append(cost(one if first else other))
    return ones, others


def ratios(ones: list[float], others: list[float]) -> str:
    """Return the ratio of the minima, and the median of the pairs' ratios."""
    one, other = min(ones), min(others)
    median = statistics.median(a / b for a, b in zip(ones, others, strict=True))
    return f"{one:.3f} s beside {other:.3f} s, ratio of minima {one / other:.3f}, median of ratios {median:.3f}"


def shown(name: str, ones: list[Cost], others: list[Cost]) -> str:
    """Return lines: the clock, the training thread's processor time, and what the reading threads take."""
    reads, trains = min(cost.others for cost in ones), min(cost.own for cost in ones)
    return (
        f"{name}; {len(ones)} pairs, load {os.getloadavg()[0]:.1f}\n"
        f"  clock: {ratios([cost.clock for cost in ones], [cost.clock for cost in others])}\n"
        f"  processor of this thread: {ratios([cost.own for cost in ones], [cost.own for cost in others])}\n"
        f"  processor of reading threads: {reads:.3f} s, {reads / trains:.2f} of this thread's, "
        f"beside {min(cost.others for cost in others):.3f} s"
    )


def network(folder: Path, pairs: int) -> str:
    """Train 784-128-10 from a file and from memory."""
    rng = np.random.default_rng(0)
    X = rng.random((ROWS, PIXELS), np.float32)
    y = rng.integers(0, CLASSES, ROWS)
    np.save(folder / "pixels.npy", X)
    np.save(folder / "classes.npy", y)
    source = Elsewhere(gd.data.Npy(folder / "pixels.npy", folder / "classes.npy"))
    trainers = [
        gd.Trainer(gd.MLP([PIXELS, 128, CLASSES], seed=0), "cross_entropy", gd.SGD(0.01), batch_size=64, seed=0)
        for _ in range(2)
    ]
    keep_on(0)
    found = in_turns(
        lambda: trainers[0].fit(source, epochs=EPOCHS), lambda: trainers[1].fit(X, y, epochs=EPOCHS), pairs
    )
    keep_on(0, -1)
    windows = -(-ROWS // source.reading.window_rows)
    return shown(
        f"784-128-10, {EPOCHS} epochs of {ROWS} rows from {windows} windows of a file, and from memory", *found
    )


def parquet(folder: Path, pairs: int) -> str:
    """Train a linear model from a Parquet file, and read the file by pyarrow alone."""
    try:
        import pyarrow
        from pyarrow import parquet as files
    except ImportError:
        return "Parquet: pyarrow is not installed"
    rng = np.random.default_rng(0)
    X = rng.normal(size=(TABLE_ROWS, COLUMNS)).astype(np.float32)
    columns = {f"x{i}": X[:, i] for i in range(COLUMNS)} | {"y": X @ rng.normal(size=COLUMNS).astype(np.float32)}
    path = folder / "table.parquet"
    files.write_table(pyarrow.table(columns), path, row_group_size=GROUP)
    size = 4 * (COLUMNS + 1) * TABLE_ROWS
    source = gd.data.Arrow(path, "y")
    trainer = gd.Trainer(gd.LinearModel(COLUMNS, seed=0), "mse", gd.SGD(1e-3), batch_size=256, seed=0)

    def read(threads: bool) -> None:
        for _ in range(EPOCHS):
            read_once(threads)

    def read_once(threads: bool) -> None:
        with files.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=GROUP, use_threads=threads):
                for column in batch.columns:
                    column.to_numpy(zero_copy_only=False)

    lines = []
    for threads, how in ((False, "by one thread"), (True, "by its threads")):
        ours, theirs = in_turns(lambda: trainer.fit(source, epochs=EPOCHS), partial(read, threads), pairs)
        rates = " beside ".join(f"{EPOCHS * size / min(costs).clock / 1e6:.0f} MB/s" for costs in (ours, theirs))
        name = f"Parquet, {EPOCHS} epochs of a linear model, and pyarrow reading alone, {how}: {rates}"
        lines.append(shown(name, ours, theirs))
    return "\n".join(lines)
