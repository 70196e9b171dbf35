"""What is done at the end of a fit's epochs: it is measured, shown to the criteria, recorded and committed.

Design
------
- Criteria and a schedule that follows a loss see whole epochs only, and their state outlives the fit: they see the same
  however training is cut into fits. On other data they start anew.
- The end of an epoch is measured, shown to the criteria, recorded, committed in one assignment (fit_memory.py), and
  then shown to the callbacks. What a callback's answer ends is committed before the next callback is asked, so that a
  checkpoint of this epoch says so. If anything is raised before the commit, the row is removed from the history, and
  the next fit begins with the end of that epoch. An epoch in which a criterion stops the fit is committed once the
  criterion has restored its parameters.
- Both loops of a fit, over mini-batches (fit.py) and SciPy's (full_batch_epochs.py), end their epochs here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..layers.stack import Stack
from ..losses import Loss
from ..losses.base import name_of
from ..metrics import get_metrics
from ..objective.streamed import mean_loss, metrics_of
from ..schedules import PlateauState, ReduceOnPlateau
from .callbacks import callback_list
from .epoch import is_whole
from .epoch_end import EpochEnd, When, monitored
from .fingerprint import fingerprint
from .fit_memory import FitMemory
from .fit_options import FitOptions
from .gradient_mean import GradientMean
from .history import History
from .measures import full_gradient, gradient_norms, monitors_of, update_ratio, weight_norm
from .progress import progress as progress_bar
from .resume import snapshot_of
from .state import TrainingState
from .stopping.base import criteria
from .stopping.running import RunningCriteria

if TYPE_CHECKING:
    from ..data.stream import Data

RECORDED = ("layer_gradient_norm", "weight_norm", "update_ratio", "progressive")
"""These cost a pass over parameters or data per epoch, or a call per step, so they are recorded only on request."""


class EpochPart(NamedTuple):
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


@final
class Recorder:
    """Ends the epochs of one fit.

    Attributes
    ----------
    history : History
        Its rows are the epochs that have ended.
    epoch : int
        Number of the epoch that runs, from 0.
    due : bool
        Whether an interrupted fit over these data left the end of an epoch to be measured.
    gradient_mean : GradientMean
    brings_back_the_start : bool
        Whether a criterion may ask for the parameters before the first step of an epoch.
    progressive : list of float or None
        Losses of the current epoch's steps, each before it, if they are recorded.
    asked : bool
        Whether a callback has asked to stop.
    """

    def __init__(self, state: TrainingState, data: Data, validation: Data | None, options: FitOptions) -> None:
        self.state, self.data, self.validation = state, data, validation
        self.metrics = get_metrics(options.metrics, [entry.name for entry in fields(History)])
        loss, schedule = state.settings.loss, state.settings.schedule
        for metric in self.metrics.values():
            target, name = (loss.target, loss.name) if isinstance(loss, Loss) else (None, "a custom loss")
            outputs = state.stack.out_features if state.whole is None else state.whole.out_features
            metric.check_fit(target, outputs, name)
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
        average = state.settings.average
        averages = average is not None and average.validate
        self.validated = state.stack.copy() if averages else state.stack
        self.callbacks = callback_list(options.callbacks)
        for callback in self.callbacks:
            callback.check_monitors(monitors)
        self.record = checks.words("record", options.record, RECORDED)
        if checks.boolean("progress", options.progress):
            self.callbacks.append(progress_bar())
        self.history = History(loss_name=name_of(loss))
        self.rows = 0
        self.last: tuple[FitMemory, int] = memory, 0
        self.stops: FitMemory | None = None
        self.epoch = self.epochs = 0
        self.progressive: list[float] | None = None
        self.asked = False
        self.began = self.epoch_began = 0.0
        self.clock = time.perf_counter

    def _end_is_due(self, memory: FitMemory) -> bool:
        """Return whether an interrupted fit over these data left the end of an epoch to be measured."""
        same = None in (self.seen, memory.data) or self.seen[0] == memory.data[0]  # type: ignore[index]
        summed = not self.gradient_mean.wanted or memory.gradients is not None
        unseen = memory.seen >= 0 and memory.seen + 1 == self.state.epochs_done
        return unseen and is_whole(self.state, self.data.n) and same and summed

    def begin(self, epochs: int) -> None:
        """Restore the parameters as trained, unless somebody has changed them since, and start the clock."""
        state = self.state
        if state.shares is not None:
            self.clock = state.shares.clock
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
        self.epochs, self.began = epochs, self.clock()

    def begin_epoch(self, epoch: int) -> None:
        """Start the clock of an epoch."""
        self.epoch, self.epoch_began = epoch, self.clock()
        if self.record and "progressive" in self.record:
            self.progressive = []

    def _commit(self, memory: FitMemory, rows: int) -> None:
        """Record the state and the number of history rows that belong to it, in one assignment."""
        self.last = memory, rows
        self.state.memory = memory
        self.rows = rows

    def cut(self) -> None:
        """Remove the rows of epochs that were not committed from the history."""
        rows = self.last[1] if self.state.memory is self.last[0] else self.rows
        for entry in fields(History):
            value = getattr(self.history, entry.name)
            for column in value.values() if isinstance(value, dict) else [value]:
                if isinstance(column, list):
                    del column[rows:]

    def finish(self, ended_by: str) -> None:
        """Leave the parameters as the criteria want them, and note what has ended the fit (`FitMemory.ended_by`).

        If this is interrupted, the next fit begins with the parameters as trained.
        """
        if not self.criteria.states:
            if ended_by:
                self._commit(self._ending(self.state.memory, ended_by), self.rows)
            return
        state, params = self.state, self.state.stack.params
        reached, shown = self.criteria.finished(params)
        ends = self._ending(state.memory if self.stops is None else self.stops, ended_by)
        if not np.array_equal(shown, reached):
            ends = ends._replace(reached=reached, shown=shown.copy())
        if not np.array_equal(shown, params):
            state.memory = state.memory._replace(reached=params.copy(), shown=shown.copy())
            params[:] = shown
        self._commit(ends, self.history.epochs)

    def _ending(self, memory: FitMemory, ended_by: str) -> FitMemory:
        """Return a memory in which something has ended the fit."""
        return memory._replace(ended_by=ended_by, ended_at=self.state.steps_done)

    def end_epoch(
        self, part: EpochPart, before: NDArray[Any] | None, rate: float, mean_gradient: Callable[[], NDArray[Any]]
    ) -> str | None:
        """Measure and record the end of an epoch; return the reasons to stop, or None."""
        history, state, stack = self.history, self.state, self.state.stack
        whole = part.steps == part.of_steps
        values = {"loss": part.loss}
        found = self._metrics(stack, self.data) if self.metrics else {}
        if self.validated is not stack:
            self.validated.params = state.averaged
        if self.validation is not None:
            loss, whole_model = state.settings.loss, state.whole
            values["val_loss"] = (
                mean_loss(self.validated, self.validation, loss)
                if whole_model is None
                else whole_model.mean_loss(self.validation, loss)
            )
            found.update(self._metrics(self.validated, self.validation, "val_"))
        values.update(found)
        norms = gradient_norms(stack, self._gradient()) if "layer_gradient_norm" in self.record else {}
        weights = [weight_norm(stack)] if "weight_norm" in self.record else []
        ratio = [update_ratio(before, stack.params)] if "update_ratio" in self.record and before is not None else []
        plateau, schedule = self.plateau, state.settings.schedule
        if whole and self.follows is not None and isinstance(schedule, ReduceOnPlateau):
            plateau = schedule.observe(plateau, values[self.follows.name], self.follows.greater_is_better)
        now = self.clock()
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
        if self.progressive is not None:
            history.progressive.append(self.progressive)
        history.learning_rate.append(rate)
        history.gradient_norm.append(part.gradient_norm)
        history.clipped_steps.append(part.clipped_steps)
        history.seconds.append(now - self.epoch_began)
        self._committed(plateau, whole, bool(reasons))
        for callback in self.callbacks:
            if end is not None and (answer := callback.on_epoch_end(end)):
                asked = f"{type(callback).__name__} asked to stop in epoch {end.epoch}"
                reasons.append(answer if isinstance(answer, str) else asked)
                self.asked = True
                if self.stops is None:  # else this epoch is committed at the end of the fit
                    self._commit(self._ending(self.state.memory, "callback"), self.rows)
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

    def _metrics(self, stack: Stack, data: Data, prefix: str = "") -> dict[str, float]:
        """Return the metrics of a stack, or of the whole model that it is a part of."""
        whole = self.state.whole
        if whole is None:
            return metrics_of(stack, data, self.metrics, prefix)
        return whole.metrics_of(data, self.metrics, prefix)

    def _gradient(self) -> NDArray[Any]:
        if self.state.whole is not None:
            return self.state.whole.gradient()
        return full_gradient(self.state, self.data)
