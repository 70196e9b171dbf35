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

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._kernels import load
from .._kernels.errors import RefusedStep
from ..data.samples import Samples
from ..losses import Loss
from .custom import custom_epoch
from .diverged import explain

if TYPE_CHECKING:
    from .trainer import Trainer


class Extent(NamedTuple):
    """Size of an epoch: samples per step, samples in all, and number of steps."""

    size: int
    samples: int
    steps: int


def extent(trainer: Trainer, n: int) -> Extent:
    """Return the size of an epoch over n samples."""
    size = min(trainer.batch_size * trainer.accumulate, n)
    samples = n - n % min(trainer.batch_size, n) if trainer.drop_last else n
    return Extent(size, samples, -(-samples // size))


def _steps_made(trainer: Trainer, n: int) -> int:
    """Return the steps made of the last epoch begun; 0 if it had another size than one over n samples."""
    run = trainer._run
    same = run.epoch_samples == n and run.epoch_of_steps == extent(trainer, n).steps
    return run.epoch_steps if same else 0


def steps_begun(trainer: Trainer, n: int) -> int:
    """Return the steps made of an unfinished epoch over n samples; 0 if the current one has another size."""
    made = _steps_made(trainer, n)
    return made if made < trainer._run.epoch_of_steps else 0


def is_whole(trainer: Trainer, n: int) -> bool:
    """Return whether the last epoch begun went over n samples and all its steps are made."""
    return 0 < _steps_made(trainer, n) == trainer._run.epoch_of_steps


def order_of(trainer: Trainer, n: int) -> NDArray[np.int64] | None:
    """Return the order (n,) of this epoch's samples; None means their own order, enough if one step sees them all."""
    size, samples, _ = extent(trainer, n)
    apart = trainer.accumulate > 1 and trainer.batch_size < n and not isinstance(trainer.loss, Loss)
    if not trainer.shuffle or (size == samples == n and not apart):
        return None
    order = np.empty(n, np.int64)
    load(trainer.stack.dtype).shuffled(trainer.seed, trainer.epochs_done, order)
    return order


def mean_so_far(trainer: Trainer) -> float:
    """Return the mean of the epoch's losses so far, each before its step."""
    run = trainer._run
    return run.loss_sum / run.total_weight if run.total_weight else 0.0


def run_epoch(
    trainer: Trainer, data: Samples, most: int | None = None, total: NDArray[np.float64] | None = None
) -> float:
    """Run the current epoch to its end, or for at most `most` steps, and return its mean loss so far.

    If `total` (n_params,) is given, the steps' gradients are added to it.

    Raises
    ------
    DivergedError
        If a step is refused; the epoch resumes at that step.
    """
    run, n = trainer._run, len(data.X)
    size, last, of_steps = extent(trainer, n)
    under_way = run.epoch_samples == n and run.epoch_of_steps == of_steps and run.epoch_steps < of_steps
    done = run.epoch_steps if under_way else 0
    if not done:
        run.begin_epoch(n, of_steps)
    first, end = done * size, last if most is None else min((done + most) * size, last)
    order, weights = order_of(trainer, n), data.weight
    if order is not None:
        order = order[first:end]
    elif end - first < n:
        data = data.rows(first, end)
    rates = None if trainer._schedule is None else _rates(trainer, -(-(end - first) // size))
    try:
        if isinstance(trainer.loss, Loss):
            run.epoch((data.X, data.target, data.labels, data.weight), order, size, rates, weights, total)
        else:
            custom_epoch(trainer, data, order, size, rates, total)
    except RefusedStep as error:
        what, step = error.args
        rows = slice(step * size, (step + 1) * size)
        batch, at = min(trainer.batch_size, n), first + step * size
        batches = range(at // batch, -(-min(at + size, last) // batch))
        raise explain(trainer, data, rows if order is None else order[rows], what, batches) from None
    return mean_so_far(trainer)


def _rates(trainer: Trainer, steps: int) -> NDArray[np.float64] | None:
    """Return the rate of each of the next steps; None if they share one, which is then set."""
    schedule = trainer._schedule
    if schedule is not None and schedule.per == "step":
        return schedule.rates(trainer.steps_done, steps)
    trainer._run.learning_rate = trainer.learning_rate
    return None
