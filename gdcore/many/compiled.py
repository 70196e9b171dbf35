"""The engine that trains models of one shape in the kernels' calls, a chunk of them at a time.

Design
------
- Models go together if one compiled training serves them all: they agree in layers, loss, kind of rule, batches and
  averages. Rates, penalties, clipping, rates of dropout, seeds and data are each model's own.
- A chunk goes through all of its epochs before the next one begins. Where nothing is measured between epochs, that is
  one call. Otherwise a call is one epoch, after which the losses on validation data are one more.
- A model whose step is refused is trained once more by the Trainer's fit, which explains where its first NaN came from.
  It ends there with the same parameters.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from .._kernels import load
from .._kernels.records import ModelStates
from .._kernels.sparse_rows import SparseRows
from ..data.samples import Samples
from ..layers.dense import Dense
from ..layers.dropout import Dropout
from ..layers.layer_norm import LayerNorm
from ..losses import Loss
from ..optimizers import Optimizer
from ..schedules import Schedule
from ..training.compiled import begin
from ..training.epoch_end import EpochEnd
from ..training.hints import watched
from ..training.length import default_epochs
from ..training.stopping.base import StoppingCriterion, StopSpec, criteria
from ..training.stopping.early_stopping import EarlyStopping
from ..training.stopping.running import RunningCriteria
from ..training.stopping.thresholds import LossThreshold, RelativeChange
from .family import Family
from .halt import Halt
from .jobs import Course, Job, Shape
from .one_by_one import OneByOne
from .records import INTERRUPTED, Records

CHUNK = 512
"""Models that are trained at a time; what they have beside parameters is taken once for all chunks."""
CHUNK_BYTES = 1 << 28
"""Parameters and slots of a chunk take this much memory at most, unless one model has more."""
RATES = 1 << 20
"""Rates of steps that one call takes at most, unless one epoch has more."""
CRITERIA = (EarlyStopping, LossThreshold, RelativeChange)
"""Those that look at losses alone."""


@final
class Compiled:
    """Trains what the kernels know: built-in losses and optimizers, dense inputs, criteria that look at losses."""

    name = "compiled"

    def takes(self, job: Job, course: Course) -> bool:
        """Return whether nothing of the job has to be asked of Python within an epoch."""
        settings, sources = job.settings, (job.data, job.validation)
        if not isinstance(settings.loss, Loss) or not isinstance(settings.optimizer, Optimizer):
            return False
        if settings.schedule is not None and settings.schedule.per == "plateau":
            return False
        if any(source is not None and isinstance(source.X, SparseRows) for source in sources):
            return False
        if not all(isinstance(rule, CRITERIA) or _asks_for_losses_alone(rule) for rule in job.stop):
            return False
        plain = course.max_steps is None and course.class_weight is None
        halts = all(isinstance(callback, Halt) for callback in course.callbacks)
        return plain and halts and not course.metrics and not course.record

    def train(self, jobs: Sequence[Job], course: Course, records: Records, tell: Callable[[int], None]) -> None:
        """Train the jobs, those that go together in chunks."""
        for family in _families(jobs):
            most = chunk_of(family[0])
            for at in range(0, len(family), most):
                chunk = _Chunk(family[at : at + most], course, records)
                with ExitStack() as stack:
                    for halt in course.callbacks:
                        if isinstance(halt, Halt):
                            stack.enter_context(halt.asking(chunk.models.stop))
                    chunk.train()
                refused = [chunk.family[i] for i in np.flatnonzero(chunk.rows.outcomes).tolist()]
                if refused:
                    OneByOne().train(refused, course, records, lambda number: None)
                tell(len(chunk.family))


def _families(jobs: Sequence[Job]) -> list[Family]:
    """Return jobs by families that go together."""
    if isinstance(jobs, Family):
        return [jobs]
    alike: dict[tuple[Any, ...], list[Job]] = {}
    shown: dict[int, Any] = {}
    for job in jobs:
        alike.setdefault(_kind(job, shown), []).append(job)
    return [Family.of(several) for several in alike.values()]


def _asks_for_losses_alone(rule: StopSpec) -> bool:
    return isinstance(rule, StoppingCriterion) and rule.asks_for_losses_alone()


def chunk_of(job: Job) -> int:
    """Return how many models like this one are trained at a time."""
    rows = 3 if job.settings.average is not None else 1  # the average is in float64
    stack, rows = job.shape.stack, rows + len(job.settings.rule.slot_names())
    return max(1, min(CHUNK, CHUNK_BYTES // (rows * stack.n_params * np.dtype(stack.dtype).itemsize)))


def _kind(job: Job, shown: dict[int, Any]) -> tuple[Any, ...]:
    """Return what models that go together agree in; `shown` keeps what was read of objects that jobs share."""
    settings, rule = job.settings, job.settings.rule

    def once(value: Any, read: Callable[[Any], Any]) -> Any:
        if id(value) not in shown:
            shown[id(value)] = read(value)
        return shown[id(value)]

    per = None if settings.schedule is None else settings.schedule.per
    batches = settings.batch_size, settings.accumulate, settings.shuffle, settings.drop_last
    rates = tuple(sorted((settings.layer_rates or {}).items()))
    layers, loss, average = once(job.shape, _layers), once(settings.loss, repr), once(settings.average, repr)
    return layers, job.shape.dtype, loss, rule.name, rule.slot_names(), per, batches, rates, average, not job.stop


def _layers(shape: Shape) -> Any:
    """Return what shapes of models that go together agree in: all but the rates of dropout."""
    if not all(isinstance(layer, Dense | Dropout | LayerNorm) for layer in shape.layers):
        return shape
    return tuple("" if isinstance(layer, Dropout) else repr(layer) for layer in shape.layers)


@final
class _Chunk:
    """Some models that go together, and their data as the kernels take them."""

    def __init__(self, family: Family, course: Course, records: Records) -> None:
        self.family, self.records, first = family, records, family[0]
        self.at = records.rows(family.numbers)
        self.stack, self.settings = first.shape.new_stack(), first.settings
        assert isinstance(self.settings.loss, Loss)
        self.loss = self.settings.loss
        self.state = begin(self.stack, replace(self.settings, seed=0))  # each model has its own
        self.rows = self._states()
        self.kernels = load(self.stack.dtype)
        self.models = self.kernels.Models(self.state.run, self.rows)
        self.data = self._data(family.data, family.rows)
        measured = family.validation
        every = isinstance(measured, Samples) or (measured is not None and not any(own is None for own in measured))
        self.validation = self._data(measured, family.validation_rows) if every else None
        size, n_rows = self.settings.batch_size, family.n_rows()
        samples = n_rows - n_rows % np.minimum(size, n_rows) if self.settings.drop_last else n_rows
        self.steps = -(-samples // np.minimum(size * self.settings.accumulate, samples))
        self.epochs = np.full(len(family), course.epochs or 0)
        if course.epochs is None:
            self.epochs[:] = [default_epochs(n) for n in self.steps.tolist()]
        self.criteria, self.kept = self._criteria()
        average = self.settings.average
        self.validates = average is not None and average.validate
        self.reasons: dict[int, str] = {}
        self.began = time.perf_counter()
        if not self.criteria:
            records.widen(int(self.epochs.max()))

    def _criteria(self) -> tuple[list[RunningCriteria], bool]:
        """Return each model's criteria, and whether one may bring back what a model began an epoch of one step with."""
        if self.family.stop == ():
            return [], False
        found, kept = [], False
        for job in self.family:
            rules = criteria(job.stop)
            if job.stop:
                found.append(RunningCriteria(rules, _monitors(job), ()))
            kept = kept or any(rule.brings_back_the_start(_monitors(job)) for rule in rules)
        return found, kept and bool((self.steps == 1).any())

    def _states(self) -> ModelStates:
        """Return the models' rows before their first step."""
        state, n, n_params = self.state, len(self.family), self.stack.n_params
        return ModelStates(
            params=np.array(self.family.params),
            slots=np.zeros((n, len(state.slots.memory), n_params), self.stack.dtype),
            scalars=np.zeros((n, len(state.slots.scalars))),
            hyper=self.family.hyper(),
            options=self.family.options(),
            seeds=self.family.seeds,
            counts=np.zeros((n, 2), np.int64),
            active=np.ones(n, np.uint8),
            outcomes=np.zeros(n, np.int64),
            means=None if state.mean is None else np.zeros((n, n_params)),
            dropout=self.family.dropout(),
        )

    def _data(self, samples: Any, rows: list[Any] | None) -> Any:
        """Return samples and rows of each model as the kernels take them."""
        several = samples if isinstance(samples, list) else [samples]
        sources = [(data.X, data.target, data.labels, data.weight) for data in several]
        places = np.zeros((len(self.family), 2), np.int64)
        places[:, 1] = [len(data.X) for data in several]
        whole = None
        if rows is not None:
            index, end = [], 0
            found: dict[tuple[int, int], tuple[int, int]] = {}
            for i, own in enumerate(rows):
                key = (0, int(places[i, 1])) if own is None else (id(own), len(own))
                if key not in found:
                    found[key] = end, key[1]
                    index.append(np.arange(key[1]) if own is None else own)
                    end += key[1]
                places[i] = found[key]
            whole = np.concatenate(index)
        return self.kernels.ModelData(self.state.network, self.loss.name, sources, places, whole)

    def train(self) -> None:
        """Run the epochs, and fill the jobs' parameters and records."""
        try:  # a call: from Python 3.12 on, `try` does not cover a last loop's jump back, where an interrupt may come
            self._run_all()
        except KeyboardInterrupt:
            for i, epoch in enumerate(self.records.epochs[self.at].tolist()):
                self.reasons.setdefault(i, f"{INTERRUPTED} in epoch {epoch}")
            self._leave(finished=False)
            raise
        self._leave(finished=True)

    def _run_all(self) -> None:
        """Run all epochs of all models."""
        epoch, most = 0, int(self.epochs.max())
        watches, alike = self.validation is not None or bool(self.criteria), (self.epochs == most).all()
        while epoch < most and self.rows.active.any():
            fits = max(1, RATES // int(self.steps.max() * len(self.family)))
            count = 1 if watches or not alike else min(most - epoch, fits)
            self._run(epoch, count)
            epoch += count
            self.rows.active[self.epochs <= epoch] = 0

    def _run(self, epoch: int, count: int) -> None:
        """Run `count` epochs of all active models, from number `epoch` on."""
        chosen, rows, n = self.settings, self.rows, len(self.family)
        sums, began, before = np.zeros((n, count, 4)), time.perf_counter(), rows.counts[:, 1].copy()
        was = rows.active.astype(bool)
        rates, shown = self._rates(epoch, count)
        start = rows.params.copy() if self.kept else None
        lap = chosen.batch_size * chosen.accumulate, chosen.batch_size, count, chosen.shuffle, chosen.drop_last
        self.records.grow(epoch + count, int(self.epochs.max()))
        losses = None
        try:
            self.models.run(self.data, lap, sums, rates)
        finally:
            passed, made = time.perf_counter() - began, rows.counts[:, 1] - before
            if self.validation is None:
                self._record(epoch, sums, made, shown, passed / max(1, made.sum()))
        if self.validation is not None:
            losses = self._validate(epoch, was & (rows.outcomes == 0))
            self._record(epoch, sums, made, shown, passed / max(1, made.sum()))
        if self.criteria:
            self._ask(epoch, sums, losses, shown, start)

    def _rates(self, epoch: int, count: int) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
        """Return the rates of all steps, or None, and of each epoch's last step, (n_models, count)."""
        n = len(self.family)
        shown = np.repeat(self.rows.options[:, :1], count, 1)
        if self.settings.schedule is None:
            return None, shown
        schedules = self.family.schedules()
        if len(schedules) == 1 and (self.steps == self.steps[0]).all():
            steps = int(self.steps[0])
            rates = rates_of(schedules[0], epoch, count, steps)[None]
            shown[:] = rates[:, steps - 1 :: steps]
            return rates, shown
        rates = np.zeros((n, count * int(self.steps.max())))
        made: dict[tuple[int, int], NDArray[np.float64]] = {}
        for i, steps in enumerate(self.steps.tolist()):
            schedule = schedules[i % len(schedules)]
            key = id(schedule), steps
            if key not in made:
                made[key] = rates_of(schedule, epoch, count, steps)
            rates[i, : count * steps] = made[key]
            shown[i] = made[key][steps - 1 :: steps]
        return rates, shown

    def _record(
        self, epoch: int, sums: NDArray[np.float64], made: NDArray[np.int64], rates: NDArray[np.float64], seconds: float
    ) -> None:
        """Record the epochs that each model has made of those in `sums`."""
        records, count = self.records, sums.shape[1]
        at = self.at
        done = np.arange(count) < made[:, None]
        values = {
            "loss": np.divide(sums[:, :, 0], sums[:, :, 1], out=np.zeros(done.shape), where=sums[:, :, 1] != 0),
            "learning_rate": rates,
            "gradient_norm": sums[:, :, 2] / self.steps[:, None],
            "clipped_steps": sums[:, :, 3],
            "seconds": np.full(done.shape, seconds),
        }
        for name, found in values.items():
            column = records.column(name)
            column[at, epoch : epoch + count] = np.where(done, found, np.nan)
        records.epochs[at] += made

    def _shown(self, averages: bool) -> NDArray[Any]:
        """Return the parameters of all models, or their averages, (n_models, n_params)."""
        average, means = self.settings.average, self.rows.means
        if average is None or means is None or not averages:
            return self.rows.params
        begun = self.rows.counts[:, :1] > average.start
        return np.where(begun, means.astype(self.stack.dtype), self.rows.params)

    def _validate(self, epoch: int, which: NDArray[np.bool_]) -> NDArray[np.float64] | None:
        """Return the losses on validation data of some models, and record them; None without such data."""
        if self.validation is None:
            return None
        losses, loss = np.where(which, 0.0, np.nan), self.loss
        network = self.stack.network(False)
        self.kernels.many_losses(
            network, (loss.name, loss.option()), self._shown(self.validates), self.validation, losses
        )
        self.records.column("val_loss")[self.at, epoch] = losses
        return losses

    def _ask(
        self,
        epoch: int,
        sums: NDArray[np.float64],
        losses: NDArray[np.float64] | None,
        rates: NDArray[np.float64],
        start: NDArray[Any] | None,
    ) -> None:
        """Show the end of an epoch to the criteria of each active model."""
        measured, own, passed = self._shown(self.validates), self.rows.params, time.perf_counter() - self.began
        for i in np.flatnonzero(self.rows.active):
            loss, weight, norms, _ = sums[i, 0].tolist()
            values = {"loss": loss / weight if weight else 0.0}
            if losses is not None:
                values["val_loss"] = float(losses[i])
            one = self.steps[i] == 1
            end = EpochEnd(
                epoch,
                int(self.epochs[i]),
                values,
                float(rates[i, 0]),
                norms / int(self.steps[i]),
                passed,
                measured[i],
                _no_gradient,
                _no_gradient,
                own[i],
                "before" if one else "during",
                start[i].copy() if start is not None and one else None,
            )
            if reasons := self.criteria[i].observe(end):
                self.reasons[int(i)] = "; ".join(reasons)
                self.rows.active[i] = 0

    def _leave(self, *, finished: bool) -> None:
        """Fill the jobs' parameters and say why their fits ended; refused models wait for their second fit."""
        measured, family = self._shown(finished), self.family
        ended = np.flatnonzero(self.rows.outcomes == 0) if finished else np.arange(len(family))
        if not self.criteria and not self.reasons and isinstance(family.params, np.ndarray):
            family.params[ended] = measured[ended]
            for row, epochs in zip(self.at[ended].tolist(), self.epochs[ended].tolist(), strict=True):
                self.records.stop_reasons[row] = _all_run(epochs)
            return
        for i in ended.tolist():
            params, ended_by = measured[i].copy(), []
            if self.criteria and finished:
                _, params = self.criteria[i].finished(params)
            if self.criteria:
                ended_by = [self.criteria[i].rules[j] for j in self.criteria[i].stopped]
            job = family[i]
            job.params[:] = params
            reason = self.reasons.get(i) or _all_run(int(self.epochs[i]))
            self.records.stop_reasons[self.at[i]] = reason + watched(ended_by, job.validation)


def _all_run(epochs: int) -> str:
    return f"all {epochs} epochs were run" if epochs > 1 else "the epoch was run"


def rates_of(schedule: Schedule | None, epoch: int, count: int, steps: int) -> NDArray[np.float64]:
    """Return the rates of the steps of `count` epochs, from number `epoch` on."""
    assert schedule is not None
    if schedule.per == "step":
        return schedule.rates(epoch * steps, count * steps)
    return np.repeat([schedule.formula(epoch + e) for e in range(count)], steps)


def _monitors(job: Job) -> dict[str, bool | str | None]:
    return {"loss": False} if job.validation is None else {"loss": False, "val_loss": False}


def _no_gradient() -> NDArray[Any]:
    raise AssertionError("none of CRITERIA looks at gradients")
