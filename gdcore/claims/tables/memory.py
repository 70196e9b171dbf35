"""The memory that batches need: the peak of a new process for each size."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from ...base.threads import num_threads
from ...models import MLP
from ...optimizers import SGD
from ...training import Trainer
from ..claim import OPEN, Claim, Section, Table, holds

HIDDEN = 8192
"""The layer is so wide that a batch's memory exceeds the few hundred kilobytes by which two processes differ."""
BATCHES = (16, 32, 64, 128, 1438)
"""The document's sizes, and the number of shipped digits."""
NOISE = 500_000
"""Peaks that differ by fewer bytes count as equal."""
STATUS = Path("/proc/self/status")
PROGRAM = "from gdcore.claims.tables.memory import peak; print(peak({batch}))"


def so_far() -> int | None:
    """Return this process's peak memory in bytes; None if the system does not report it."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", STATUS.read_text() if STATUS.exists() else "", re.MULTILINE)
    return 1024 * int(found[1]) if found else None


@num_threads(1)
def peak(batch: int) -> int | None:
    """Return this process's peak memory in bytes, after two steps on a batch of this size."""
    X, y = np.zeros((batch, 64), np.float32), np.zeros(batch, np.int64)
    model = MLP([64, HIDDEN, 10], activation="tanh", weight_init="zeros")  # to draw weights takes memory of its own
    trainer = Trainer(model, "cross_entropy", SGD(0.01), batch_size=batch)
    for _ in range(2):
        trainer.step(X, y)
    return so_far()


def peaks() -> dict[int, int]:
    """Return the peak of a new process for each batch size, in bytes; empty if the system does not report it."""
    if so_far() is None:
        return {}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    found = {}
    for batch in BATCHES:
        command = [sys.executable, "-P", "-c", PROGRAM.format(batch=batch)]
        found[batch] = int(subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout)
    return found


def batch_memory() -> Section:
    """Measure what the document says beside its table of batch sizes and times."""
    found = peaks()
    title, said = "Batch size and memory", "the batch size has implications for memory requirements"
    if not found:
        return Section(title, (Claim("memory", said, f"no {STATUS} tells this system's peak", OPEN),))
    small, large, whole = (found[batch] for batch in (BATCHES[0], *BATCHES[-2:]))
    claims = (
        Claim(
            "memory",
            said,
            f"batches of 128 take {(large - small) / 1e6:.2g} MB more than those of 16, "
            f"{(large - small) / (128 - 16) / 1e3:.2g} kB a sample (two outputs of each unit are "
            f"{2 * 4 * (HIDDEN + 10) / 1e3:.2g} kB); 1438 at once {(whole - small) / 1e6:.2g} MB more",
            holds(whole - NOISE > large > small + NOISE),
            {"peaks": found},
        ),
    )
    rows = tuple((batch, most / 1e6, (most - small) / 1e6) for batch, most in found.items())
    note = f"A net 64-{HIDDEN}-10, tanh: the most that a new process has had in memory, two steps done"
    return Section(title, claims, (Table(("batch", "peak, MB", "more than with 16"), rows, note),))
