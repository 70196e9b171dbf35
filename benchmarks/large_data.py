"""How fast is training from a file larger than memory, and how much memory does it take?

    python benchmarks/large_data.py --gigabytes 20 --folder /tmp
    python benchmarks/large_data.py --gigabytes 0.5 --epochs 3      # a file that stays in the system's memory
    python benchmarks/large_data.py --pairs 15                      # a network, and Parquet: see large_pairs.py

A file of that size is written, a linear model is trained from it in shuffled blocks, by a process that may have a
gigabyte of memory besides the system's cache (RLIMIT_DATA), and the file is deleted. Printed are megabytes per second
of the file, the processor's time beside the clock's, and the most memory that the process had of its own.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

import gdcore as gd

if __package__:
    from . import large_pairs
else:
    import large_pairs

COLUMNS = 256
PART = 2**16
"""Rows that are written at a time."""
LIMIT = 2**30


def write(folder: Path, rows: int) -> None:
    """Write X.npy (rows, COLUMNS) and y.npy (rows,), part by part."""
    rng = np.random.default_rng(0)
    part = rng.normal(size=(PART, COLUMNS)).astype(np.float32)
    targets = part @ rng.normal(size=COLUMNS).astype(np.float32)
    for name, values in (("X.npy", part), ("y.npy", targets)):
        with open(folder / name, "wb") as file:
            shape = (rows, *values.shape[1:])
            np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
            for first in range(0, rows, PART):
                file.write(values[: rows - first].data)


def own_memory() -> int:
    """Return the anonymous memory of this process, in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    return 0


class Shown(gd.Callback):
    """Prints a line for each epoch."""

    def __init__(self, size: int) -> None:
        self.size, self.most = size, 0
        self.began, self.used = time.perf_counter(), time.process_time()

    def on_epoch_end(self, end: gd.EpochEnd) -> None:
        """Print how fast the epoch was."""
        seconds, used = time.perf_counter() - self.began, time.process_time() - self.used
        self.most = max(self.most, own_memory())
        print(
            f"epoch {end.epoch}: {self.size / seconds / 1e6:.0f} MB/s, {seconds:.1f} s, processor {used:.1f} s, "
            f"loss {end.values['loss']:.4g}, own memory {self.most / 2**20:.0f} MiB, load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
        self.began, self.used = time.perf_counter(), time.process_time()


def main() -> None:
    """Write, train, print and delete."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--folder", default=None)
    parser.add_argument("--pairs", type=int, default=0, help="compare this often instead; see large_pairs.py")
    options = parser.parse_args()
    if options.pairs:
        with tempfile.TemporaryDirectory(dir=options.folder) as name, gd.num_threads(1):
            print(large_pairs.pin(), flush=True)
            for compared in (large_pairs.network, large_pairs.parquet):
                print(compared(Path(name), options.pairs), flush=True)
        return
    rows = int(options.gigabytes * 1e9) // (4 * COLUMNS)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder, began = Path(name), time.perf_counter()
        write(folder, rows)
        size = os.path.getsize(folder / "X.npy")
        print(f"written: {size / 1e9:.2f} GB in {time.perf_counter() - began:.1f} s", flush=True)
        resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
        source = gd.data.Npy(folder / "X.npy", folder / "y.npy")
        trainer = gd.Trainer(gd.LinearModel(COLUMNS, seed=0), "mse", gd.SGD(1e-3), batch_size=1024, seed=0)
        trainer.fit(source, epochs=options.epochs, callbacks=Shown(size))


if __name__ == "__main__":
    main()
