"""Starts each library's program, times its process, and keeps what the program itself says of its parts."""

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from gdcore.bench.interpreters import source_folders
from gdcore.bench.library import Entry
from gdcore.bench.runner import THREAD_VARIABLES, pinned
from gdcore.datasets import load_digits

PROGRAMS = Path(__file__).parent / "programs"
LIBRARIES = tuple(
    Entry(name, f"with_{name.partition('.')[0]}.py", name) for name in ("gdcore", "sklearn", "torch", "jax", "keras")
)
SPLIT_SEED = 0
PARTS = ("import", "compile", "train")


@final
@dataclass(frozen=True)
class Run:
    """One process.

    Attributes
    ----------
    wall : float
        Seconds from the process's start to its end.
    parts : dict of str to float
        Seconds of importing, of compiling and of training; what is missing to `wall` are Python's start and end, and
        reading the data.
    epochs : int
    accuracy : float
        Of the test images, at the end.
    version : str
    """

    wall: float
    parts: dict[str, float]
    epochs: int
    accuracy: float
    version: str

    def to_dict(self) -> dict[str, Any]:
        """Return the run, ready for JSON."""
        return asdict(self)


def write_digits(path: Path) -> None:
    """Write the digits into a file that every program reads."""
    X, y, X_test, y_test = load_digits(seed=SPLIT_SEED)
    np.savez(path, X=X.astype(np.float32), y=y, X_test=X_test.astype(np.float32), y_test=y_test)


def run_program(entry: Entry, data: Path, seed: int) -> Run:
    """Run a library's program on one core and one thread.

    Raises
    ------
    RuntimeError
        Where the program fails; the message repeats its last output.
    """
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, "1") | {"PYTHONPATH": os.pathsep.join(source_folders())}
    command = [entry.python or sys.executable, str(PROGRAMS / entry.adapter), str(data), str(seed)]
    with pinned(1):
        began = time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        wall = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"its process ended with status {done.returncode}: {done.stderr[-2000:].rstrip()}")
    told = json.loads(done.stdout.splitlines()[-1])
    parts = {name: told[name] for name in PARTS}
    return Run(wall, parts, told["epochs"], told["accuracy"], told["version"])


def median(runs: list[Run], part: str) -> float:
    """Return the median of the whole time, or of a part of it, over the runs."""
    return statistics.median(run.wall if part == "wall" else run.parts[part] for run in runs)
