"""An epoch: one pass over the data, whole or in parts.

Design
------
- An epoch can be interrupted between any two steps and resumed later, in another fit or another process. Its order
  follows from (seed, epoch) and is drawn again; its sums continue, so that the mean loss at its end has the same bits
  as without the interruption.
- The kernels record the progress and count a step in the call that makes it: after an interrupt the step is both made
  and counted, or neither.
- `accumulate` batches make one step. A built-in loss treats them as one batch of all their rows: the kernels process a
  batch in blocks whose size does not depend on it, so it needs no more memory, and every row counts the same, also in a
  last batch that is not full. A custom loss is called for each batch.
- Weights are divided by their mean over all the data, whatever part of it an epoch, or the rest of one, covers. Then
  the mean of the batches' gradients, weighted by their rows, is the full gradient.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._kernels import load
from .._kernels.errors import RefusedStep, Unfit
from ..data.reading import Order
from ..data.samples import Samples
from ..losses import Loss
from .custom import custom_epoch
from .diverged import explain
from .state import TrainingState

if TYPE_CHECKING:
    from ..data.stream import Stream


class Extent(NamedTuple):
    """Size of an epoch: samples per step, samples in all, and number of steps."""

    size: int
    samples: int
    steps: int


class Recorded(NamedTuple):
    """What steps are made with whose losses are recorded."""

    total: NDArray[np.float64] | None
    """The gradients are added to it, (n_params,)."""
    weights: NDArray[Any] | None
    """Those of all rows of the epoch, if they are others than the samples'."""
    losses: list[float]
    """The mean loss of each step's rows is appended."""


def extent(state: TrainingState, n: int) -> Extent:
    """Return the size of an epoch over n samples."""
    settings = state.settings
    size = min(settings.batch_size * settings.accumulate, n)
    samples = n - n % min(settings.batch_size, n) if settings.drop_last else n
    return Extent(size, samples, -(-samples // size))


def _steps_made(state: TrainingState, n: int) -> int:
    """Return the steps made of the last epoch begun; 0 if it had another size than one over n samples."""
    run = state.run
    same = run.epoch_samples == n and run.epoch_of_steps == extent(state, n).steps
    return run.epoch_steps if same else 0


def steps_begun(state: TrainingState, n: int) -> int:
    """Return the steps made of an unfinished epoch over n samples; 0 if the current one has another size."""
    made = _steps_made(state, n)
    return made if made < state.run.epoch_of_steps else 0


def is_whole(state: TrainingState, n: int) -> bool:
    """Return whether the last epoch begun went over n samples and all its steps are made."""
    return 0 < _steps_made(state, n) == state.run.epoch_of_steps


def order_of(state: TrainingState, n: int) -> NDArray[np.int64] | None:
    """Return the order (n,) of this epoch's samples; None means their own order, enough if one step sees them all."""
    settings = state.settings
    if not settings.shuffle:
        return None
    size, samples, _ = extent(state, n)
    apart = settings.accumulate > 1 and settings.batch_size < n and not isinstance(settings.loss, Loss)
    if size == samples == n and not apart:
        return None
    order = np.empty(n, np.int64)
    load(state.stack.dtype).shuffled(state.seed, state.epochs_done, order)
    return order


def mean_so_far(state: TrainingState) -> float:
    """Return the mean of the epoch's losses so far, each before its step."""
    run = state.run
    return run.loss_sum / run.total_weight if run.total_weight else 0.0


def run_epoch(
    state: TrainingState,
    data: Samples | Stream,
    most: int | None = None,
    total: NDArray[np.float64] | None = None,
    mean_weight: float | None = None,
    losses: list[float] | None = None,
    goes_on: bool = False,
) -> float:
    """Run the current epoch to its end, or for at most `most` steps, and return its mean loss so far.

    A stream comes in windows, each of them a part of the epoch with an order of its own. `goes_on` says that another
    epoch follows, if this one comes to its end within fewer than `most` steps: a stream begins to read for it.

    If `total` (n_params,) is given, the steps' gradients are added to it. Weights count relative to `mean_weight`, by
    default their mean. If `losses` is given, the mean loss of each step's rows, before it, is appended.

    Raises
    ------
    DivergedError
        If a step is refused; the epoch resumes at that step.
    """
    run, n = state.run, data.n
    size, last, of_steps = extent(state, n)
    under_way = run.epoch_samples == n and run.epoch_of_steps == of_steps and run.epoch_steps < of_steps
    done = run.epoch_steps if under_way else 0
    if not done:
        run.begin_epoch(n, of_steps)
    first, end = done * size, last if most is None else min((done + most) * size, last)
    if not isinstance(data, Samples) and state.shares is not None:
        steps = range(first // size, -(-end // size))
        rates = None if state.settings.schedule is None else _rates(state, len(steps))
        state.shares.stream(data, steps, extent(state, n), rates, losses, total)
        return mean_so_far(state)
    if not isinstance(data, Samples):
        mean = data.mean_weight if mean_weight is None else mean_weight
        weights = None if data.mean_weight is None else _all_of(mean, size, data.head.X.dtype)
        goes_on = goes_on and (most is None or done + most > of_steps)
        with closing(_parts(state, data, first, end, goes_on)) as parts:
            for part, order, at in parts:
                if losses is None:
                    _run_part(state, part, order, at, size, total, weights)
                else:
                    _run_one_by_one(state, part, order, at, size, Recorded(total, weights, losses))
        return mean_so_far(state)
    order, weights = order_of(state, n), data.weight
    if weights is not None and mean_weight is not None:
        weights = _all_of(mean_weight, n, weights.dtype)
    if order is not None:
        order = order[first:end]
    elif end - first < n:
        data = data.rows(first, end)
    if losses is None:
        _run_part(state, data, order, first, size, total, weights)
    else:
        _run_one_by_one(state, data, order, first, size, Recorded(total, weights, losses))
    return mean_so_far(state)


def quick_epoch(state: TrainingState, X: NDArray[Any], y: NDArray[Any], labels: bool) -> float | None:
    """Run an epoch on arrays that kernels take, and return its mean loss; None, and nothing done, where they do not.

    The settings are those of `Trainer.epoch`'s short way, and the caller has the turn.
    """
    settings = state.settings
    if state.memory.outside_fits() is not state.memory:
        return None
    size = settings.batch_size * settings.accumulate
    target, numbers = (None, y) if labels else (y, None)
    try:
        return load(state.stack.dtype).whole_epoch(state.run, X, target, numbers, size, settings.shuffle)
    except Unfit:
        return None  # the longer way converts the arrays or explains the error
    except RefusedStep as error:
        data = state.take(X, y, None)
        raise _explained(state, data, order_of(state, data.n), 0, min(size, data.n), error) from None


def _all_of(mean_weight: float | None, n: int, dtype: Any) -> NDArray[Any]:
    """Return weights of this mean; the kernels take a batch as long as these for all data, and none is above n rows."""
    return np.full(n + 1, mean_weight, dtype)


def _parts(
    state: TrainingState, data: Stream, first: int, end: int, goes_on: bool
) -> Generator[tuple[Samples, NDArray[np.int64] | None, int], None, None]:
    """Yield the places first … end - 1 of the current epoch, window by window: samples, their order, first place."""
    n = data.n
    seed = state.seed if state.settings.shuffle else None
    order = Order(n, data.window, data.block, seed, state.epochs_done)
    then = order._replace(epoch=order.epoch + 1) if goes_on else None
    with closing(data.windows(order, first, end, extent(state, n).samples, then)) as windows:
        for start, part, rows in windows:
            begin, stop = max(first - start, 0), min(end - start, part.n)
            if rows is None:
                yield part.rows(begin, stop), None, start + begin
            else:
                yield part, rows[begin:stop], start + begin


def _run_part(
    state: TrainingState,
    data: Samples,
    order: NDArray[np.int64] | None,
    first: int,
    size: int,
    total: NDArray[np.float64] | None,
    weights: NDArray[Any] | None = None,
) -> None:
    """Make the steps on these samples, all or those of `order`, the first of which is at place `first` of its epoch."""
    run, settings = state.run, state.settings
    rows_of = len(data.X) if order is None else len(order)
    rates = None if settings.schedule is None else _rates(state, -(-rows_of // size))
    try:
        if state.shares is not None:
            state.shares.steps(data, order, size, rates, data.weight if weights is None else weights, total)
        elif isinstance(settings.loss, Loss):
            run.epoch((data.X, data.target, data.labels, data.weight), order, size, rates, weights, total)
        else:
            custom_epoch(state, data, order, size, rates, total)
    except RefusedStep as error:
        raise _explained(state, data, order, first, size, error) from None


def _explained(
    state: TrainingState, data: Samples, order: NDArray[np.int64] | None, first: int, size: int, error: RefusedStep
) -> Exception:
    """Return the error that says why a step was refused of those on these samples, as `_run_part` takes them."""
    what, step = error.args
    rows_of = len(data.X) if order is None else len(order)
    rows = slice(step * size, (step + 1) * size)
    at = first + step * size
    batch = min(state.settings.batch_size, state.run.epoch_samples)
    batches = range(at // batch, -(-min(at + size, first + rows_of) // batch))
    return explain(state, data, rows if order is None else order[rows], what, batches)


def _run_one_by_one(
    state: TrainingState, data: Samples, order: NDArray[np.int64] | None, first: int, size: int, recorded: Recorded
) -> None:
    """Do what `_run_part` does with a call for each step, and record its loss."""
    run, weights = state.run, data.weight if recorded.weights is None else recorded.weights
    n = len(data.X) if order is None else len(order)
    for at in range(0, n, size):
        loss, weight = run.loss_sum, run.total_weight
        end = min(at + size, n)
        if order is None:
            _run_part(state, data.rows(at, end), None, first + at, size, recorded.total, weights)
        else:
            _run_part(state, data, order[at:end], first + at, size, recorded.total, weights)
        weight = run.total_weight - weight
        recorded.losses.append((run.loss_sum - loss) / weight if weight else 0.0)


def _rates(state: TrainingState, steps: int) -> NDArray[np.float64] | None:
    """Return the rate of each of the next steps; None if they share one, which is then set."""
    schedule = state.settings.schedule
    if schedule is not None and schedule.per == "step":
        return schedule.rates(state.steps_done, steps)
    state.run.learning_rate = state.learning_rate
    return None
