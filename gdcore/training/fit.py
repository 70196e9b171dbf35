"""The loop of a fit: epochs, what is measured after each, and what ends it.

Design
------
- Everything is checked before the first epoch; what was not asked for is not computed.
- Two loops share what comes after an epoch: that over mini-batches, and that which SciPy runs, one step over all data
  being an epoch.
- Criteria and a schedule that follows a loss see whole epochs only, and what they have seen outlives the fit: however
  training is cut into fits, they see the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from functools import partial
from math import nan
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from .. import checks, checks_fit
from ..batches import Samples
from ..class_weight import ClassWeight, class_factors, class_weighted
from ..errors import DivergedError
from ..losses import Loss
from ..metrics import MetricSpec, get_metrics
from ..models.evaluate import mean_loss
from ..models.sequential import Sequential
from ..optimizers.full_batch import FullBatch, run_scipy
from ..schedules import ReduceOnPlateau
from .callbacks import Callback, callback_list
from .carried import GradientMean, Watching
from .compiled import full_gradient
from .diverged import explain
from .epoch import extent, run_epoch, steps_begun
from .epoch_end import EpochEnd, Monitors, monitored, norm
from .history import History
from .progress import progress as progress_bar
from .stopping import StopSpec, criteria

if TYPE_CHECKING:
    from .trainer import Trainer

RECORDED = ("layer_gradient_norm", "weight_norm", "update_ratio")
"""What costs a pass over the parameters, or over the data, and is recorded on request."""


class Part(NamedTuple):
    """An epoch as far as it has come."""

    loss: float
    """Mean of the samples' losses, each before its step."""
    gradient_norm: float
    """Mean over the steps."""
    clipped_steps: int
    steps: int
    of_steps: int
    """Of the whole epoch."""


@final
class Fit:
    """One fit: made of what `Trainer.fit` is given, run once.

    With `leaves_mean` the model ends with the mean that the trainer's `average` asks for, or with what a criterion
    brings back after that.
    """

    def __init__(
        self,
        trainer: Trainer,
        data: Samples,
        validation: Samples | None,
        *,
        epochs: int | None,
        max_steps: int | None,
        metrics: MetricSpec | Iterable[MetricSpec] | Mapping[str, MetricSpec],
        stop: StopSpec | Iterable[StopSpec],
        callbacks: Callback | Iterable[Callback],
        record: str | Iterable[str],
        progress: bool,
        leaves_mean: bool = False,
    ) -> None:
        self.trainer, self.data, self.validation = trainer, data, validation
        self.left = None if max_steps is None else checks.integer("max_steps", max_steps, 1)
        self.steps = 0
        self.epochs = self._epochs(None if epochs is None else checks.integer("epochs", epochs, 1))
        self.metrics = get_metrics(metrics, [entry.name for entry in fields(History)])
        target = trainer.loss.target if isinstance(trainer.loss, Loss) else None
        for metric in self.metrics.values():
            metric.check_fit(target, trainer.model.out_features)
        monitors = self._monitors()
        rules = criteria(stop)
        self.watching = Watching(rules, monitors, trainer._carried)
        self.gradient_mean = GradientMean(trainer, any(rule.sums_gradients() for rule in rules))
        averages = trainer.average is not None and trainer.average.validate
        self.leaves_mean = leaves_mean
        self.validated = trainer.model.copy() if averages else trainer.model
        self.callbacks = callback_list(callbacks)
        self.record = checks_fit.words("record", record, RECORDED)
        schedule = trainer._schedule
        self.plateau = None
        if isinstance(schedule, ReduceOnPlateau):
            self.plateau = monitored(schedule, schedule.monitor, schedule.mode, monitors)
        if checks.boolean("progress", progress):
            self.callbacks.append(progress_bar())
        self.history = History()
        self.epoch = 0
        self.began = self.epoch_began = 0.0

    def _epochs(self, epochs: int | None) -> int:
        """As many as were asked for, or as `max_steps` reaches into."""
        if self.left is None:
            return 10 if epochs is None else epochs
        reached = self.left
        if not isinstance(self.trainer.optimizer, FullBatch):
            n = len(self.data.X)
            reached = -(-(steps_begun(self.trainer, n) + self.left) // extent(self.trainer, n).steps)
        return reached if epochs is None else min(epochs, reached)

    def _monitors(self) -> Monitors:
        known: dict[str, bool | None] = {"loss": False}
        known.update({name: metric.greater_is_better for name, metric in self.metrics.items()})
        if self.validation is not None:
            known.update({f"val_{name}": greater for name, greater in list(known.items())})
        return known

    def run(self) -> History:
        """Epochs until they are over or something stops them."""
        history = self.history
        self.watching.begin(self.trainer.model.params)
        self.gradient_mean.begin_fit()
        self.began = time.perf_counter()
        try:
            for callback in self.callbacks:
                callback.on_fit_begin(self.epochs)
            if isinstance(self.trainer.optimizer, FullBatch):
                reason = self._scipy_epochs(self.trainer.optimizer)
            else:
                reason = self._mini_batch_epochs()
            history.stop_reason = reason or self._all_done()
        except BaseException as error:
            history.stop_reason = f"{type(error).__name__} was raised in epoch {self.epoch}"
            if isinstance(error, DivergedError):
                error.history = history
            raise
        finally:
            self.gradient_mean.end()
            self.watching.remember()
            for callback in self.callbacks:
                callback.on_fit_end(history)
        if self.leaves_mean:
            self.trainer.model.params = self.trainer.averaged
        self.watching.finish(self.trainer.model.params)
        return history

    def _mini_batch_epochs(self) -> str | None:
        trainer, run = self.trainer, self.trainer._run
        moves = "update_ratio" in self.record
        for epoch in range(self.epochs):
            self.epoch, self.epoch_began = epoch, time.perf_counter()
            before = trainer.model.params.copy() if moves else None
            self.gradient_mean.begin_epoch(steps_begun(trainer, len(self.data.X)))
            steps = run.step_count
            loss = run_epoch(trainer, self.data, self.left)
            self._count(run.step_count - steps)
            place = trainer._place
            part = Part(loss, run.norm_sum / place.steps, run.clipped_steps, place.steps, place.of_steps)
            reason = self._end_epoch(part, before, run.learning_rate, partial(self.gradient_mean.of, part.steps))
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
        """Why a fit ends that nothing has stopped."""
        if self.left == 0:
            return f"all {self.steps} steps were made" if self.steps > 1 else "the step was made"
        return f"all {self.epochs} epochs were run" if self.epochs > 1 else "the epoch was run"

    def _scipy_epochs(self, method: FullBatch) -> str | None:
        """Each step of SciPy's method over all data is an epoch."""
        trainer, params = self.trainer, self.trainer.model.params
        grad = np.zeros_like(params)
        last = params.copy()
        reasons: list[str] = []

        def objective(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            params[:] = x
            value = trainer.model._evaluate(self.data, trainer.loss, trainer.l1, trainer.l2, 0, grad)
            return value, grad.astype(np.float64)

        def stepped(x: NDArray[np.float64], value: float, slope: NDArray[np.float64]) -> bool:
            before = last.copy()
            params[:] = last[:] = x
            penalty = trainer._network.penalty(trainer.l1, trainer.l2)
            trainer._epochs_done += 1
            self._count(1)
            reason = self._end_epoch(Part(value - penalty, norm(slope), 0, 1, 1), before, nan, lambda: slope)
            self.epoch, self.epoch_began = self.epoch + 1, time.perf_counter()
            reasons.extend([reason] if reason else [])
            return bool(reason)

        self.epoch_began = time.perf_counter()
        if not np.isfinite(objective(params.astype(np.float64))[0]):
            raise explain(trainer, self.data, slice(None), "loss", range(1))
        try:
            ended = run_scipy(method, objective, last.astype(np.float64), self.epochs, stepped)
        except BaseException:
            params[:] = last    # and not where a line search has come to
            raise
        params[:] = ended.x
        return reasons[0] if reasons else None if self.history.epochs == self.epochs else ended.message

    def _end_epoch(
        self, part: Part, before: NDArray[Any] | None, rate: float, mean_gradient: Callable[[], NDArray[Any]]
    ) -> str | None:
        """Measure, then record a whole row; the reasons to stop, or None."""
        history, trainer = self.history, self.trainer
        whole = part.steps == part.of_steps
        values = {"loss": part.loss}
        measured = self._measure(trainer.model, self.data, "") if self.metrics else {}
        if self.validated is not trainer.model:
            self.validated.params = trainer.averaged
        if self.validation is not None:
            values["val_loss"] = mean_loss(self.validated, self.validation, trainer.loss)
            measured.update(self._measure(self.validated, self.validation, "val_") if self.metrics else {})
        values.update(measured)
        if self.record:
            self._record(before)
        history.loss.append(part.loss)
        if self.validation is not None:
            history.val_loss.append(values["val_loss"])
        for name, value in measured.items():
            history.metrics.setdefault(name, []).append(value)
        history.learning_rate.append(rate)
        history.gradient_norm.append(part.gradient_norm)
        history.clipped_steps.append(part.clipped_steps)
        schedule = trainer._schedule
        if whole and self.plateau is not None and isinstance(schedule, ReduceOnPlateau):
            trainer._plateau = schedule.observe(trainer._plateau, values[self.plateau.name], self.plateau[1])
        now = time.perf_counter()
        history.seconds.append(now - self.epoch_began)
        if not self.watching.watches and not self.callbacks:
            return None
        end = EpochEnd(
            self.epoch, self.epochs, values, rate, part.gradient_norm, now - self.began, self.validated.params,
            self._gradient, mean_gradient,
        )  # fmt: skip
        reasons = self.watching.observe(end) if whole else []
        if self.callbacks:      # which may save the trainer
            self.watching.remember()
        for callback in self.callbacks:
            if callback.on_epoch_end(end):
                reasons.append(f"{type(callback).__name__} asked to stop in epoch {end.epoch}")
        return "; ".join(reasons) or None

    def _measure(self, model: Sequential, data: Samples, prefix: str) -> dict[str, float]:
        outputs = model.predict(data.X)
        y = data.labels if data.labels is not None else data.target if data.target is not None else data.y
        return {prefix + name: metric(outputs, y, data.sample_weight) for name, metric in self.metrics.items()}

    def _record(self, before: NDArray[Any] | None) -> None:
        model, history = self.trainer.model, self.history
        if "layer_gradient_norm" in self.record:
            parts: dict[str, list[float]] = {}
            for name, view in model.parameters(self._gradient()):
                parts.setdefault(name.partition(".")[0], []).append(norm(view))
            for layer, norms in parts.items():
                history.layer_gradient_norm.setdefault(layer, []).append(norm(np.array(norms)))
        if "weight_norm" in self.record:
            norms = [norm(view) for name, view in model.parameters() if name.endswith("weight")]
            history.weight_norm.append(norm(np.array(norms)))
        if "update_ratio" in self.record and before is not None:
            size = norm(before)
            history.update_ratio.append(norm(model.params - before) / size if size else nan)

    def _gradient(self) -> NDArray[Any]:
        return full_gradient(self.trainer, self.data)


def take_fit_data(
    trainer: Trainer,
    X: object,
    y: object,
    sample_weight: object,
    class_weight: ClassWeight | None,
    validation_data: object,
) -> tuple[Samples, Samples | None]:
    """Training data and validation data, checked, with their weights: those of classes are the training data's."""
    loss, n_out = trainer.loss, trainer.model.out_features
    data = trainer._take(X, y, sample_weight)
    if class_weight is not None:
        class_weight = class_factors(data, class_weight, loss, n_out)
        data = class_weighted(data, class_weight, loss, n_out)
    if validation_data is None:
        return data, None
    pair = checks.pair("validation_data", validation_data)
    try:
        validation = trainer._take(*pair, None)
        return data, validation if class_weight is None else class_weighted(validation, class_weight, loss, n_out)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from None
