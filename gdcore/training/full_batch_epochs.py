"""A fit by SciPy's methods, in which a step over all data is an epoch."""

from __future__ import annotations

from collections.abc import Callable
from math import nan

import numpy as np
from numpy.typing import NDArray

from ..data.samples import Samples
from ..optimizers.full_batch import FullBatch
from ..optimizers.line_search import run_scipy
from .diverged import explain
from .epoch_end import norm
from .recorder import EpochPart, Recorder


def full_batch_epochs(method: FullBatch, recorder: Recorder, data: Samples, count: Callable[[int], None]) -> str | None:
    """Run a method's steps, of which `count` is told; return why it stopped, or None if all epochs were run."""
    state, settings = recorder.state, recorder.state.settings
    run, params, minimized = state.run, state.stack.params, state.objective(data)
    grad = np.zeros_like(params)
    last = params.copy()
    reasons: list[str] = []

    def objective(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        run.torn = True  # trial parameters must not be saved
        params[:] = x
        return minimized.write_gradient(grad), grad.astype(np.float64)

    def stepped(x: NDArray[np.float64], value: float, slope: NDArray[np.float64]) -> bool:
        before = last.copy()
        params[:] = last[:] = x
        run.torn = False
        penalty = state.network.penalty(settings.l1, settings.l2)
        run.epochs_done += 1
        count(1)
        reason = recorder.end_epoch(
            EpochPart(value - penalty, norm(slope), 0, 1, 1, "after"), before, nan, lambda: slope
        )
        recorder.begin_epoch(recorder.epoch + 1)
        reasons.extend([reason] if reason else [])
        return bool(reason)

    recorder.begin_epoch(0)
    try:
        if not np.isfinite(objective(params.astype(np.float64))[0]):
            raise explain(state, data, slice(None), "loss", range(1))
        ended = run_scipy(method, objective, last.astype(np.float64), recorder.epochs, stepped)
    except BaseException:
        params[:] = last  # not those of a trial
        run.torn = False
        raise
    params[:] = ended.x
    run.torn = False
    return reasons[0] if reasons else None if recorder.history.epochs == recorder.epochs else ended.message
