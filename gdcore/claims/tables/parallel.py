"""The table of parallelization: one batch shared among threads, and one model among ranks."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from ...base.threads import get_num_threads, num_threads
from ...datasets import friedman
from ...distributed import Pipeline
from ...layers.dense import Dense
from ...models import MLP
from ...optimizers import Adam
from ...training import Trainer
from ..claim import DEPENDS, FAILS, Claim, Section, Table, holds
from .thread_ranks import ThreadRank, on_ranks

BATCH, STEPS = 2048, 6
STAGES, WIDTH, DEPTH = 4, 128, 8
HELD = 4
"""Numbers that a stage holds for each parameter: itself, its gradient, and two slots of Adam."""


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
        _model_parallelism(),
    )
    note = f"A step of a net 10-256-256-1 on {BATCH} rows, the fastest of {STEPS}"
    return Section("Parallelization", claims, (Table(("threads", "ms", "times as fast"), rows, note),))


def _model_parallelism() -> Claim:
    """Train a model whose layers are spread over ranks, each of which holds its own; here they are threads."""
    layers = [Dense(10, WIDTH, "tanh"), *(Dense(WIDTH, WIDTH, "tanh") for _ in range(DEPTH)), Dense(WIDTH, 1)]
    X, y = friedman(256)

    def train(comm: ThreadRank | None) -> tuple[int, Any]:
        pipe = Pipeline(layers, comm, loss="mse", optimizer=Adam(1e-3), micro_batches=8, batch_size=256, seed=0)
        for _ in range(3):
            pipe.step(X, y)
        return pipe.n_params, pipe.gather()

    n_params, whole = train(None)
    ranks = on_ranks(STAGES, train)
    most = max(held for held, _ in ranks)
    same = bool(np.array_equal(ranks[0][1].params, whole.params))
    size = 4 * HELD * n_params / 1e6
    return Claim(
        "model parallelism",
        "model parallelism: increased model capacity",
        f"of {size:.2g} MB of parameters, gradients and optimizer slots, {STAGES} stages of a Pipeline hold at most "
        f"{most / n_params:.0%} each; after 3 steps the weights are those of one process "
        f"{'bit for bit' if same else 'NOT bit for bit'}",
        holds(most < 0.4 * n_params and same),
        {"share": most / n_params, "same": same},
    )
