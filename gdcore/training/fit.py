"""The loop of a fit: its epochs, and what ends it.

Design
------
- Everything is checked before the first epoch. Nothing is computed unless it is requested.
- Two loops share the work after an epoch (recorder.py): the one over mini-batches here, and SciPy's, in which a step
  over all data is an epoch (full_batch_epochs.py).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, final

from ..base import checks
from ..base.later import later
from ..data.samples import Samples
from ..optimizers.full_batch import FullBatch
from .epoch import extent, mean_so_far, run_epoch
from .errors import DivergedError
from .fit_options import FitOptions, Spread, spread_by_default
from .full_batch_epochs import full_batch_epochs
from .hints import hint_of, watched
from .history import History
from .length import epochs_of
from .output_range import warn_out_of_reach
from .recorder import EpochPart, Recorder
from .state import TrainingState
from .turn import turn
from .validation import take_fit_data

if TYPE_CHECKING:
    from ..data.stream import Data


@final
class Fit:
    """One fit, made from the arguments of `Trainer.fit` and run once."""

    def __init__(self, state: TrainingState, data: Data, validation: Data | None, options: FitOptions) -> None:
        self.state, self.data, self.validation = state, data, validation
        max_steps, epochs = options.max_steps, options.epochs
        self.left = None if max_steps is None else checks.integer("max_steps", max_steps, 1)
        self.steps = 0
        epochs = None if epochs is None else checks.integer("epochs", epochs, 1)
        self.recorder = Recorder(state, data, validation, options)
        self.history = self.recorder.history
        self.epochs = epochs_of(state, data.n, epochs, self.left) + self.recorder.due
        self.leaves_mean = options.leaves_mean
        self.advises = options.advises
        if self.advises:
            warn_out_of_reach(state.stack, data.head, state.settings.loss)

    def run(self) -> History:
        """Run epochs until all are done or something stops them."""
        history, recorder = self.history, self.recorder
        recorder.begin(self.epochs)
        failure: BaseException | None = None
        try:
            for callback in recorder.callbacks:
                callback.on_fit_begin(self.epochs)
            optimizer = self.state.settings.optimizer
            if isinstance(optimizer, FullBatch) and isinstance(self.data, Samples):
                reason = full_batch_epochs(optimizer, recorder, self.data, self._count)
            else:
                reason = self._mini_batch_epochs()
            if self.leaves_mean:
                self.state.stack.params = self.state.averaged
            ended_by = [recorder.criteria.rules[i] for i in recorder.criteria.stopped]
            recorder.finish(self._ended_by(reason))
            history.stop_reason = (reason or self._all_done()) + watched(ended_by, self.validation)
            silent = bool(reason) or not self.advises
            history.hint = "" if silent else hint_of(self.state, self.data, self.validation, history)
        except BaseException as error:
            failure = error
            recorder.cut()
            history.stop_reason = f"{type(error).__name__} was raised in epoch {recorder.epoch}"
            if isinstance(error, DivergedError):
                error.history = history
            raise
        finally:
            self._tell_end(failure)
            del failure  # or its traceback, which holds this frame, would keep it alive
        return history

    def _tell_end(self, failure: BaseException | None) -> None:
        """Tell the callbacks that the fit has ended; if it failed, what they raise becomes a note on its error."""
        for callback in self.recorder.callbacks:
            try:
                callback.on_fit_end(self.history)
            except Exception as error:
                if failure is None:
                    raise
                failure.add_note(f"{type(callback).__name__}.on_fit_end raised {type(error).__name__}: {error}")

    def _mini_batch_epochs(self) -> str | None:
        state, run, recorder, n = self.state, self.state.run, self.recorder, self.data.n
        moves, one_step = "update_ratio" in recorder.record, extent(state, n).steps == 1
        for epoch in range(self.epochs):
            recorder.begin_epoch(epoch)
            before = state.stack.params.copy() if moves else None
            if recorder.due and not epoch:
                loss = mean_so_far(state)
            else:
                if recorder.brings_back_the_start and one_step:
                    state.memory = state.memory._replace(before=state.stack.params.copy())
                sum_to, steps = recorder.gradient_mean.begin_epoch(n), run.step_count
                goes_on = epoch + 1 < self.epochs
                loss = run_epoch(state, self.data, self.left, sum_to, losses=recorder.progressive, goes_on=goes_on)
                self._count(run.step_count - steps)
            made, of_steps = run.epoch_steps, run.epoch_of_steps
            part = EpochPart(
                loss, run.norm_sum / made, run.clipped_steps, made, of_steps, "before" if of_steps == 1 else "during"
            )
            reason = recorder.end_epoch(part, before, run.learning_rate, partial(recorder.gradient_mean.of, made))
            if reason:
                return reason
        if part.steps < part.of_steps:
            return f"{self._all_done()}; the last row is of {part.steps} of its epoch's {part.of_steps}"
        return None

    def _count(self, steps: int) -> None:
        self.steps += steps
        if self.left is not None:
            self.left -= steps

    def _ended_by(self, reason: str | None) -> str:
        """Return which kind of thing has ended the fit for good, of `ENDS`; "" if a longer one would go on."""
        stopped = [self.recorder.criteria.rules[i] for i in self.recorder.criteria.stopped]
        if any(rule.ends_for_good for rule in stopped):
            return "criterion"
        if self.recorder.asked:
            return "callback"
        if stopped:
            return ""
        return "optimizer" if reason and isinstance(self.state.settings.optimizer, FullBatch) else ""

    def _all_done(self) -> str:
        """Return the stop reason of a fit that nothing has stopped."""
        if self.left == 0:
            return f"all {self.steps} steps were made" if self.steps > 1 else "the step was made"
        return f"all {self.epochs} epochs were run" if self.epochs > 1 else "the epoch was run"


def run_fit(state: TrainingState, given: tuple[Any, ...], options: FitOptions, spread: Spread) -> History:
    """Check the data of a fit, run it and return its history.

    Parameters
    ----------
    state : TrainingState
    given : tuple
        (X, y, sample_weight, class_weight, validation_data, validation_split), as the user gave them.
    options : FitOptions
    spread : Spread
        If it is not plain, the fit is the room of several processes'.
    """
    block = spread_by_default.get()
    if block is not None and spread.comm is None and spread.shards is None:
        spread = block._replace(
            checkpoint=spread.checkpoint, checkpoint_every=spread.checkpoint_every, resume=spread.resume
        )
    if not spread.is_plain:
        history: History = later("distributed", "fit")(state, given, options, spread)
        return history
    data, validation = take_fit_data(state, *given)
    with turn(state.run, "fit"):
        state.shards = 0
        return Fit(state, data, validation, options).run()


def run_spread(
    name: str, state: TrainingState, given: tuple[Any, ...], block: Spread, mean_weight: float | None = 1.0
) -> float:
    """Make an epoch or a step on (X, y, sample_weight) that a block spreads, by its name, and return its mean loss."""
    loss: float = later("distributed", name)(state, given, mean_weight, block)
    return loss
