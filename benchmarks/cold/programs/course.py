"""What the programs have in common: read the digits, train until 97 % of the test images are recognized, tell times.

It imports nothing but NumPy, which all of the programs' libraries import too. A program imports its library itself.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

WIDTHS = (64, 128, 10)
BATCH, RATE = 32, 1e-3
BETAS, EPS = (0.9, 0.999), 1e-8
GOAL, MOST_EPOCHS = 0.97, 100

Arrays = Any


def run(
    began: float,
    version: str,
    make: Callable[[Arrays, Arrays, int], tuple[Callable[[], object], Callable[[Arrays], Any]]],
) -> None:
    """Train and print what was measured, as JSON.

    `began` is the time before the library was imported; `make(X, y, seed)` returns a call that makes one epoch, and one
    that returns labels.
    """
    imported = time.perf_counter() - began
    with np.load(sys.argv[1]) as data:
        X, y, X_test, y_test = (data[name] for name in ("X", "y", "X_test", "y_test"))
    started = time.perf_counter()
    epoch, classify = make(X, y, int(sys.argv[2]))
    seconds, accuracy = [time.perf_counter() - started], 0.0
    while accuracy < GOAL and len(seconds) <= MOST_EPOCHS:
        began = time.perf_counter()
        epoch()
        accuracy = float(np.mean(np.asarray(classify(X_test)).ravel() == y_test))
        seconds.append(time.perf_counter() - began)
    making, first, *later = seconds
    compiling = max(0.0, making + first - statistics.median(later)) if later else 0.0
    told = {"import": imported, "compile": compiling, "train": sum(seconds) - compiling}
    print(json.dumps({**told, "epochs": len(seconds) - 1, "accuracy": accuracy, "version": version}))
