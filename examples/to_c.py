"""A classifier of digits as a header of C: its size, and the time of a row beside that of `predict`.

python examples/to_c.py            needs a C compiler: cc, or the one that CC names
"""

import ctypes
import os
import subprocess
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

import gdcore as gd
from gdcore.datasets import load_digits

ROWS_IN_C = """
#include "digits.h"
void rows(const float *x, float *y, long n);
void rows(const float *x, float *y, long n)
{
    for (long i = 0; i < n; i++)
        digits(x + i * digits_n_in, y + i * digits_n_out);
}
"""


def microseconds(call, rows):
    """The shortest of five calls, per row."""
    times = []
    for _ in range(5):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return 1e6 * min(times) / rows


X, y, _, _ = load_digits()
net = gd.Sequential(gd.Standardize.from_data(X), gd.Dense(X.shape[1], 24, "relu"), gd.Dense(24, 10), seed=0)
net.fit(X, y, "cross_entropy", epochs=15)

with tempfile.TemporaryDirectory() as folder:
    header, source, library = (Path(folder) / name for name in ("digits.h", "rows.c", "rows.so"))
    header.write_text(gd.interop.to_c(net, "digits", output="softmax"))
    source.write_text(ROWS_IN_C)
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-std=c99", "-O3", "-shared", "-fPIC", source, "-o", library, "-lm"], check=True)
    function = ctypes.CDLL(str(library)).rows
    found = np.empty((len(X), 10), np.float32)
    arguments = (ctypes.c_void_p(X.ctypes.data), ctypes.c_void_p(found.ctypes.data), ctypes.c_long(len(X)))
    in_c = microseconds(lambda: function(*arguments), len(X))
    by_predict = microseconds(lambda: net.predict(X), len(X))
    one_row = microseconds(lambda: [net.predict(X[i : i + 1]) for i in range(len(X))], len(X))
    print(next(line for line in header.read_text().splitlines() if "Constants" in line).strip(" *"))
    print(f"header {header.stat().st_size:,} bytes, library {library.stat().st_size:,} bytes")
    print(f"a row: {in_c:.2f} us in C, {one_row:.2f} us by predict of one row, {by_predict:.2f} us of all rows")
    print(f"largest difference of a probability: {np.abs(found - net.predict_proba(X)).max():.1e}")
