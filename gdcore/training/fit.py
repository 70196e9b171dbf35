"""The loop of a fit: its epochs, the measurements after each, and what ends it.

Design
------
- Everything is checked before the first epoch. Nothing is computed unless it is requested.
- Two loops share the work after an epoch: the one over mini-batches, and SciPy's, in which a step over all data is an
  epoch.
- Criteria and a schedule that follows a loss see whole epochs only, and their state outlives the fit: they see the same
  however training is cut into fits. On other data they start anew.
- The end of an epoch is measured, shown to the criteria, recorded, committed in one assignment (fit_memory.py), and
  then shown to the callbacks. If anything is raised before the commit, the row is removed from the history, and the
  next fit begins with the end of that epoch. An epoch in which a criterion stops the fit is committed once the
  criterion has restored its parameters.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import fields
from functools import partial
from math import nan
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..data.samples import Samples
from ..losses import Loss
from ..metrics import Metrics, get_metrics
from ..objective.objective import Objective
from ..objective.outputs import measure
from ..optimizers.full_batch import FullBatch
from ..optimizers.line_search import run_scipy
from ..schedules import PlateauState, ReduceOnPlateau
from .callbacks import Callback, callback_list
from .diverged import explain
from .epoch import extent, is_whole, mean_so_far, run_epoch
from .epoch_end import EpochEnd, When, monitored, norm
from .errors import DivergedError
from .fingerprint import fingerprint
from .fit_memory import FitMemory
from .gradient_mean import GradientMean
from .hints import hint_of, watched
from .history import History
from .length import epochs_of
from .measures import full_gradient, layer_norms, monitors_of, update_ratio, weight_norm
from .output_range import warn_out_of_reach
from .progress import progress as progress_bar
from .resume import snapshot_of
from .state import TrainingState
from .stopping.base import StopSpec, criteria
from .stopping.running import RunningCriteria

RECORDED = ("layer_gradient_norm", "weight_norm", "update_ratio")
"""These cost a pass over the parameters or the data per epoch, so they are recorded only on request."""


class Part(NamedTuple):
    """The current epoch, as far as it has run."""

    loss: float
    """Mean of the samples' losses, each before its step."""
    gradient_norm: float
    """Mean of the gradient norms over the steps."""
    clipped_steps: int
    steps: int
    of_steps: int
    """Number of steps of the whole epoch."""
    loss_of: When
    """Which parameters the loss belongs to."""


class FitOptions(NamedTuple):
    """Arguments of `Trainer.fit` beside the data."""

    epochs: int | None
    max_steps: int | None
    metrics: Metrics
    stop: StopSpec | Iterable[StopSpec]
    callbacks: Callback | Iterable[Callback]
    record: str | Iterable[str]
    progress: bool
    leaves_mean: bool
    """Whether the model ends with the average of the parameters, or with those that a criterion restores after that.
    """


@final
class Fit:
    """One fit, made from the arguments of `Trainer.fit` and run once."""

    def __init__(self, state: TrainingState, data: Samples, validation: Samples | None, options: FitOptions) -> None:
        self.state, self.data, self.validation = state, data, validation
        max_steps, epochs = options.max_steps, options.epochs
        self.left = None if max_steps is None else checks.integer("max_steps", max_steps, 1)
        self.steps = 0
        epochs = None if epochs is None else checks.integer("epochs", epochs, 1)
        self.metrics = get_metrics(options.metrics, [entry.name for entry in fields(History)])
        loss, schedule = state.settings.loss, state.settings.schedule
        for metric in self.metrics.values():
            target, name = (loss.target, loss.name) if isinstance(loss, Loss) else (None, "a custom loss")
            metric.check_fit(target, state.stack.out_features, name)
        monitors = monitors_of(self.metrics, data, validation)
        rules = criteria(options.stop)
        self.follows = None
        if isinstance(schedule, ReduceOnPlateau):
            self.follows = monitored(schedule, schedule.monitor, schedule.mode, monitors)
        memory = state.memory
        self.seen = fingerprint(data, validation) if rules or self.follows else None
        others = None not in (self.seen, memory.data) and self.seen != memory.data
        self.criteria = RunningCriteria(rules, monitors, () if others else memory.criteria)
        self.plateau = PlateauState(plateaus=memory.plateau.plateaus) if others else memory.plateau
        self.gradient_mean = GradientMean(state, any(rule.sums_gradients() for rule in rules))
        self.brings_back_the_start = any(rule.brings_back_the_start(monitors) for rule in rules)
        self.due = self._end_is_due(memory)
        self.epochs = epochs_of(state, len(data.X), epochs, self.left) + self.due
        average = state.settings.average
        averages = average is not None and average.validate
        self.leaves_mean = options.leaves_mean
        self.validated = state.stack.copy() if averages else state.stack
        self.callbacks = callback_list(options.callbacks)
        self.record = checks.words("record", options.record, RECORDED)
        if checks.boolean("progress", options.progress):
            self.callbacks.append(progress_bar())
        warn_out_of_reach(state.stack, data, loss)
        self.history = History()
        self.rows = 0
        self.last: tuple[FitMemory, int] = memory, 0
        self.stops: FitMemory | None = None
        self.epoch = 0
        self.began = self.epoch_began = 0.0

    def _end_is_due(self, memory: FitMemory) -> bool:
        """Return whether an interrupted fit over these data left the end of an epoch to be measured."""
        same = None in (self.seen, memory.data) or self.seen[0] == memory.data[0]  # type: ignore[index]
        summed = not self.gradient_mean.wanted or memory.gradients is not None
        unseen = memory.seen >= 0 and memory.seen + 1 == self.state.epochs_done
        return unseen and is_whole(self.state, len(self.data.X)) and same and summed

    def run(self) -> History:
        """Run epochs until all are done or something stops them."""
        history = self.history
        self._begin()
        self.began = time.perf_counter()
        failure: BaseException | None = None
        try:
            for callback in self.callbacks:
                callback.on_fit_begin(self.epochs)
            if isinstance(self.state.settings.optimizer, FullBatch):
                reason = self._scipy_epochs(self.state.settings.optimizer)
            else:
                reason = self._mini_batch_epochs()
            if self.leaves_mean:
                self.state.stack.params = self.state.averaged
            ended_by = [self.criteria.rules[i] for i in self.criteria.stopped]
            self._finish()
            history.stop_reason = (reason or self._all_done()) + watched(ended_by, self.validation)
            history.hint = "" if reason else hint_of(self.state, self.data, self.validation, history)
        except BaseException as error:
            failure = error
            self._cut()
            history.stop_reason = f"{type(error).__name__} was raised in epoch {self.epoch}"
            if isinstance(error, DivergedError):
                error.history = history
            raise
        finally:
            self._tell_end(failure)
            del failure  # or its traceback, which holds this frame, would keep it alive
        return history

    def _tell_end(self, failure: BaseException | None) -> None:
        """Tell the callbacks that the fit has ended; if it failed, what they raise becomes a note on its error."""
        for callback in self.callbacks:
            try:
                callback.on_fit_end(self.history)
            except Exception as error:
                if failure is None:
                    raise
                failure.add_note(f"{type(callback).__name__}.on_fit_end raised {type(error).__name__}: {error}")

    def _begin(self) -> None:
        """Restore the parameters as trained, unless somebody has changed them since."""
        state = self.state
        memory, params = state.memory, state.stack.own_params()
        if memory.reached is not None and memory.shown is not None and np.array_equal(params, memory.shown):
            params[:] = memory.reached
        self._commit(
            FitMemory(
                self.criteria.memories(),
                self.plateau,
                self.seen,
                state.epochs_done - self.due,
                before=memory.before if self.due else None,
                gradients=memory.gradients if self.gradient_mean.wanted else None,
            ),
            0,
        )

    def _commit(self, memory: FitMemory, rows: int) -> None:
        """Record the state and the number of history rows that belong to it, in one assignment."""
        self.last = memory, rows
        self.state.memory = memory
        self.rows = rows

    def _cut(self) -> None:
        """Remove the rows of epochs that were not committed from the history."""
        rows = self.last[1] if self.state.memory is self.last[0] else self.rows
        for entry in fields(History):
            value = getattr(self.history, entry.name)
            for column in value.values() if isinstance(value, dict) else [value]:
                if isinstance(column, list):
                    del column[rows:]

    def _finish(self) -> None:
        """Leave the parameters as the criteria want them.

        If this is interrupted, the next fit begins with the parameters as trained.
        """
        if not self.criteria.states:
            return
        state, params = self.state, self.state.stack.params
        reached, shown = self.criteria.finished(params)
        ends = state.memory if self.stops is None else self.stops
        if not np.array_equal(shown, reached):
            ends = ends._replace(reached=reached, shown=shown.copy())
        if not np.array_equal(shown, params):
            state.memory = state.memory._replace(reached=params.copy(), shown=shown.copy())
            params[:] = shown
        self._commit(ends, self.history.epochs)

    def _mini_batch_epochs(self) -> str | None:
        state, run, n = self.state, self.state.run, len(self.data.X)
        moves, one_step = "update_ratio" in self.record, extent(state, n).steps == 1
        for epoch in range(self.epochs):
            self.epoch, self.epoch_began = epoch, time.perf_counter()
            before = state.stack.params.copy() if moves else None
            if self.due and not epoch:
                loss = mean_so_far(state)
            else:
                if self.brings_back_the_start and one_step:
                    state.memory = state.memory._replace(before=state.stack.params.copy())
                sum_to, steps = self.gradient_mean.begin_epoch(n), run.step_count
                loss = run_epoch(state, self.data, self.left, sum_to)
                self._count(run.step_count - steps)
            made, of_steps = run.epoch_steps, run.epoch_of_steps
            part = Part(
                loss, run.norm_sum / made, run.clipped_steps, made, of_steps, "before" if of_steps == 1 else "during"
            )
            reason = self._end_epoch(part, before, run.learning_rate, partial(self.gradient_mean.of, made))
            if reason:
                return reason
        if part.steps < part.of_steps:
            return f"{self._all_done()}; the last row is of {part.steps} of its epoch's {part.of_steps}"
        return None

    def _count(self, steps: int) -> None:
        self.steps += steps
        if self.left is not None:
            self.left -= steps

    def _all_done(self) -> str:
        """Return the stop reason of a fit that nothing has stopped."""
        if self.left == 0:
            return f"all {self.steps} steps were made" if self.steps > 1 else "the step was made"
        return f"all {self.epochs} epochs were run" if self.epochs > 1 else "the epoch was run"

    def _scipy_epochs(self, method: FullBatch) -> str | None:
        """Run SciPy's method; each of its steps over all data is an epoch."""
        state, settings = self.state, self.state.settings
        run, params, minimized = state.run, state.stack.params, state.objective(self.data)
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
            self._count(1)
            reason = self._end_epoch(Part(value - penalty, norm(slope), 0, 1, 1, "after"), before, nan, lambda: slope)
            self.epoch, self.epoch_began = self.epoch + 1, time.perf_counter()
            reasons.extend([reason] if reason else [])
            return bool(reason)

        self.epoch_began = time.perf_counter()
        try:
            if not np.isfinite(objective(params.astype(np.float64))[0]):
                raise explain(state, self.data, slice(None), "loss", range(1))
            ended = run_scipy(method, objective, last.astype(np.float64), self.epochs, stepped)
        except BaseException:
            params[:] = last  # not those of a trial
            run.torn = False
            raise
        params[:] = ended.x
        run.torn = False
        return reasons[0] if reasons else None if self.history.epochs == self.epochs else ended.message

    def _end_epoch(
        self, part: Part, before: NDArray[Any] | None, rate: float, mean_gradient: Callable[[], NDArray[Any]]
    ) -> str | None:
        """Measure and record the end of an epoch; return the reasons to stop, or None."""
        history, state, stack = self.history, self.state, self.state.stack
        whole = part.steps == part.of_steps
        values = {"loss": part.loss}
        found = measure(stack, self.data, self.metrics)
        if self.validated is not stack:
            self.validated.params = state.averaged
        if self.validation is not None:
            values["val_loss"] = Objective(self.validated, self.validation, state.settings.loss).mean_loss()
            found.update(measure(self.validated, self.validation, self.metrics, "val_"))
        values.update(found)
        norms = layer_norms(stack, self._gradient()) if "layer_gradient_norm" in self.record else {}
        weights = [weight_norm(stack)] if "weight_norm" in self.record else []
        ratio = [update_ratio(before, stack.params)] if "update_ratio" in self.record and before is not None else []
        plateau, schedule = self.plateau, state.settings.schedule
        if whole and self.follows is not None and isinstance(schedule, ReduceOnPlateau):
            plateau = schedule.observe(plateau, values[self.follows.name], self.follows.greater_is_better)
        now = time.perf_counter()
        end, reasons = None, []
        if self.criteria.states or self.callbacks:
            end = EpochEnd(
                self.epoch,
                self.epochs,
                values,
                rate,
                part.gradient_norm,
                now - self.began,
                self.validated.params,
                self._gradient,
                mean_gradient,
                state.stack.params,
                part.loss_of,
                state.memory.before,
                history,
                state.epochs_done,
                partial(snapshot_of, state),
            )
            reasons = self.criteria.observe(end) if whole else []
        history.loss.append(part.loss)
        if self.validation is not None:
            history.val_loss.append(values["val_loss"])
        for name, value in found.items():
            history.metrics.setdefault(name, []).append(value)
        for name, value in norms.items():
            history.layer_gradient_norm.setdefault(name, []).append(value)
        history.weight_norm += weights
        history.update_ratio += ratio
        history.learning_rate.append(rate)
        history.gradient_norm.append(part.gradient_norm)
        history.clipped_steps.append(part.clipped_steps)
        history.seconds.append(now - self.epoch_began)
        self._committed(plateau, whole, bool(reasons))
        for callback in self.callbacks:
            if end is not None and callback.on_epoch_end(end):
                reasons.append(f"{type(callback).__name__} asked to stop in epoch {end.epoch}")
        return "; ".join(reasons) or None

    def _committed(self, plateau: PlateauState, whole: bool, stops: bool) -> None:
        """Commit an epoch's end that the criteria have seen, or keep it for the end of the fit if one stops there."""
        state, rows = self.state, self.rows + 1
        memory = state.memory
        if whole:
            memories, gradients = self.criteria.memories(), memory.gradients
            memory = FitMemory(memories, plateau, self.seen, state.epochs_done, gradients=gradients)
        if stops:
            self.stops = memory
            return
        self.plateau = plateau
        self._commit(memory, rows)

    def _gradient(self) -> NDArray[Any]:
        return full_gradient(self.state, self.data)
