"""What does training from a file cost over training from memory, and over reading alone?

    python benchmarks/large_data.py --pairs 15 --folder /tmp

Two pairs, each in turns within one process, on two processors: one for training, and one for the thread that reads.

- 784-128-10, the size of MNIST, from an array and from a `.npy` file in windows.
- An epoch of a linear model from a Parquet file, and pyarrow's own iteration over its groups of rows, each column an
  array of NumPy at the end. The rate is that of the numbers, in bytes as float32.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

import gdcore as gd

ROWS, PIXELS, CLASSES = 60_000, 784, 10
TABLE_ROWS, COLUMNS, GROUP = 1_000_000, 64, 2**15


def pin() -> str:
    """Keep this process on two processors, if the system knows how, and say where it is."""
    if not hasattr(os, "sched_setaffinity"):
        return "not pinned"
    chosen = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, chosen)
    return f"processors {', '.join(map(str, chosen))}"


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
    """Return the costs of each, one after the other, after a call that is not counted."""
    one(), other()
    found = [(cost(one), cost(other)) for _ in range(pairs)]
    return [a for a, _ in found], [b for _, b in found]


def shown(name: str, ones: list[Cost], others: list[Cost]) -> str:
    """Return lines: the clock's minima, their ratio and the median of ratios; the processor's minima of each thread."""
    ratios = [a.clock / b.clock for a, b in zip(ones, others, strict=True)]
    least, known = (Cost(*(min(values) for values in zip(*costs, strict=True))) for costs in (ones, others))
    return (
        f"{name}\n  {least.clock:.3f} s beside {known.clock:.3f} s, ratio of minima {least.clock / known.clock:.3f}, "
        f"median of {len(ratios)} ratios {statistics.median(ratios):.3f}, load {os.getloadavg()[0]:.1f}\n"
        f"  processor: training thread {least.own:.3f} s, reading thread {least.others:.3f} s, beside {known.own:.3f} s"
    )


def network(folder: Path, pairs: int) -> str:
    """Train 784-128-10 from a file and from memory."""
    rng = np.random.default_rng(0)
    X = rng.random((ROWS, PIXELS), np.float32)
    y = rng.integers(0, CLASSES, ROWS)
    np.save(folder / "pixels.npy", X)
    np.save(folder / "classes.npy", y)
    source = gd.data.Npy(folder / "pixels.npy", folder / "classes.npy")
    trainers = [
        gd.Trainer(gd.MLP([PIXELS, 128, CLASSES], seed=0), "cross_entropy", gd.SGD(0.01), batch_size=64, seed=0)
        for _ in range(2)
    ]
    found = in_turns(lambda: trainers[0].epoch(source), lambda: trainers[1].epoch(X, y), pairs)
    windows = -(-ROWS // source.reading.window_rows)
    return shown(f"784-128-10, an epoch of {ROWS} rows from {windows} windows of a file, and from memory", *found)


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

    def read() -> None:
        with files.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=GROUP, use_threads=False):
                for column in batch.columns:
                    column.to_numpy(zero_copy_only=False)

    ours, theirs = in_turns(lambda: trainer.epoch(source), read, pairs)
    rates = f"{size / min(ours).clock / 1e6:.0f} MB/s beside {size / min(theirs).clock / 1e6:.0f}"
    return shown(f"Parquet, an epoch of a linear model, and pyarrow reading alone: {rates}", ours, theirs)
