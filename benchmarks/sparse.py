"""`python -m benchmarks sparse [--rows N] [--entries N]`: what a row of sparse inputs costs, by the number of columns.

Design
------
- A linear model is trained by gradient descent, a row a step, on rows of as many nonzero entries at random places. If
  the cost of a row grew with the columns, so would the time. Cache misses make it grow some: a weight of a million
  columns does not fit the second-level cache.
- The time is CPU time, the least of some epochs, at whose ends all rows catch up with their penalties.
- Each number of columns has a process of its own, whose peak memory is printed beside the size of the parameters.
"""

import argparse
import subprocess
import sys
import time

import numpy as np

import gdcore as gd
from gdcore._kernels.sparse_rows import SparseRows
from gdcore.base.text_table import ruled

COLUMNS = (1_000, 10_000, 100_000, 1_000_000)
PENALTIES = {"none": {}, "l2": {"l2": 1e-4}, "l1 and l2": {"l1": 1e-5, "l2": 1e-4}}
EPOCHS = 5


def rows_of(n: int, entries: int, columns: int) -> SparseRows:
    """Return n rows of so many nonzero entries, one in each of as many equal parts of the columns."""
    rng = np.random.default_rng(0)
    places = rng.integers(0, columns // entries, (n, entries)) + columns // entries * np.arange(entries)
    starts = np.arange(0, n * entries + 1, entries)
    return SparseRows(rng.normal(size=n * entries), places.ravel().astype(np.int32), starts, columns)


def microseconds(rows: SparseRows, options: dict[str, float]) -> float:
    """Return the time of a row, in microseconds."""
    net = gd.LinearModel(rows.shape[1], dtype="float64", weight_init="zeros")
    trainer = gd.Trainer(net, "bce", gd.SGD(0.01), batch_size=1, seed=0, **options)  # type: ignore[arg-type]
    y, times = np.arange(len(rows)) % 2.0, []
    for _ in range(EPOCHS):
        began = time.process_time()
        trainer.epoch(rows, y)  # type: ignore[arg-type]
        times.append(time.process_time() - began)
    return min(times) / len(rows) * 1e6


def measure(n: int, entries: int, columns: int) -> list[str]:
    """Return the cells of one number of columns."""
    import resource

    rows = rows_of(n, entries, columns)
    times = [f"{microseconds(rows, options):.1f}" for options in PENALTIES.values()]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [f"{columns:,}", *times, f"{peak:.0f}", f"{8 * columns / 2**20:.1f}"]


def main(arguments: list[str]) -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks sparse", description=__doc__.partition(":")[2])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--entries", type=int, default=100)
    parser.add_argument("--columns", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    gd.set_num_threads(1)
    if given.columns:
        print("\t".join(measure(given.rows, given.entries, given.columns)))
        return 0
    header = ["columns", *(f"us/row, {name}" for name in PENALTIES), "peak MiB", "parameters MiB"]
    cells = []
    for columns in COLUMNS:
        own = [sys.executable, "-m", "benchmarks", "sparse", *arguments, f"--columns={columns}"]
        cells.append(subprocess.run(own, capture_output=True, text=True, check=True).stdout.rstrip().split("\t"))
    print("\n".join(ruled(header, cells)))
    return 0
