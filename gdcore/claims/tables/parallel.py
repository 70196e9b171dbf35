"""The table of parallelization: one batch shared among threads."""

from __future__ import annotations

import time

import numpy as np

from ...base.threads import get_num_threads, num_threads
from ...datasets import friedman
from ...models import MLP
from ...optimizers import Adam
from ...training import Trainer
from ..claim import DEPENDS, FAILS, OPEN, Claim, Section, Table, holds

BATCH, STEPS = 2048, 6


def threads() -> Section:
    """Measure a step's time, and show that its bits are the same for any number of threads."""
    available = get_num_threads()
    counts = sorted({1, 2, available})
    X, y = friedman(BATCH)
    params, seconds = {}, {}
    for count in counts:
        with num_threads(count):
            model = MLP([10, 256, 256, 1], activation="tanh", seed=0)
            trainer = Trainer(model, "mse", Adam(1e-3), batch_size=BATCH, shuffle=False)
            times = []
            for _ in range(STEPS):
                began = time.perf_counter()
                trainer.step(X, y)
                times.append(time.perf_counter() - began)
        params[count], seconds[count] = model.params, float(np.min(times))
    same = all(np.array_equal(params[1], those) for those in params.values())
    rows = tuple((count, 1e3 * seconds[count], seconds[1] / seconds[count]) for count in counts)
    gain = seconds[1] / min(took for count, took in seconds.items() if count > 1)
    claims = (
        Claim(
            "data parallelism",
            "data parallelism: improved training speed",
            f"{gain:.2g} times as fast with 2 or more, where this process may use {available}; the weights are the "
            f"same {'bit for bit' if same else 'NOT bit for bit'} for {', '.join(map(str, counts))}",
            holds(gain > 1.2 and same, DEPENDS if same else FAILS),
            {"same": same, "seconds": seconds},
        ),
        Claim(
            "model parallelism",
            "model parallelism: increased model capacity",
            "out of scope: gdcore's threads share one memory, so they make a model faster and never larger; room on "
            "several devices is for other libraries",
            OPEN,
        ),
    )
    note = f"A step of a net 10-256-256-1 on {BATCH} rows, the fastest of {STEPS}"
    return Section("Parallelization", claims, (Table(("threads", "ms", "times as fast"), rows, note),))
