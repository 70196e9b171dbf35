"""Training from a file larger than the memory that a process may have."""

import gc
import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

import gdcore as gd

ROWS, COLUMNS = 1_200_000, 64
"""307 MB in float32, which are not written: the file has a hole, and reads as zeros."""

CODE = """
import resource, sys
import numpy as np
import gdcore as gd

X, y, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
source = gd.data.Npy(X, y, window_rows=40_000)
model = gd.LinearModel(64, seed=0)
trainer = gd.Trainer(model, "mse", gd.SGD(0.1), batch_size=1000, seed=0)
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
try:
    np.load(X)
except MemoryError:
    print("too large for an array")
history = trainer.fit(source, epochs=2, validation_data=source)
print(model.predict(source, out=X + ".out.npy").shape, history.epochs, gd.Standardize.from_data(source).std[0])
"""


def sparse(path, shape):
    """Write the header of an array of zeros, and a hole."""
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        file.truncate(file.tell() + 4 * int(np.prod(shape)))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_DATA counts all memory on Linux alone")
def test_a_file_larger_than_the_memory(tmp_path):
    X, y = tmp_path / "X.npy", tmp_path / "y.npy"
    sparse(X, (ROWS, COLUMNS))
    sparse(y, (ROWS,))
    size = os.path.getsize(X)
    limit = 200 * 2**20
    assert size > 1.4 * limit
    done = subprocess.run(
        [sys.executable, "-c", CODE, X, y, str(limit)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["too large for an array", f"({ROWS}, 1) 2 1.0"]


def test_memory_is_bounded(tmp_path):
    """Never more than two windows: the arrays are those of the first two, over all epochs."""
    n = 60_000
    np.save(tmp_path / "X.npy", np.zeros((n, 256), np.float32))
    np.save(tmp_path / "y.npy", np.zeros(n, np.float32))
    source = gd.data.Npy(tmp_path / "X.npy", tmp_path / "y.npy", window_rows=4000, block_rows=250)
    of = gd.Trainer(gd.LinearModel(256, seed=0), "mse", gd.SGD(0.1), batch_size=100, seed=0)
    gc.collect()
    tracemalloc.start()
    of.fit(source, epochs=2, validation_data=source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.5 * 4000 * 257 * 4 < n * 257 * 4 / 4
