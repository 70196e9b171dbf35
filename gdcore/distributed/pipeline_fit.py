"""A fit of a pipeline: that of a Trainer, whose steps and measurements are shared by stages.

Design
------
- Every rank runs the whole fit: criteria, callbacks and schedule see losses and metrics of the whole model, which are
  the same on every rank. What would see parameters or gradients of one stage alone is refused.
- Each stage of the first copy writes its own checkpoint, and keeps the one before. A job that is killed while they are
  written leaves stages an epoch apart: the next one goes on from the newest that all of them have.
- Files belong together if they are of one fit, which a random name in each of them tells, and of the same step of it,
  before or after its end.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .._kernels.sparse_rows import SparseRows
from ..data.samples import Samples
from ..training.callbacks import callback_list
from ..training.fingerprint import fingerprint
from ..training.fit import Fit
from ..training.fit_options import FitOptions, Spread
from ..training.history import History
from ..training.resume import load_state_dict
from ..training.validation import take_fit_data
from . import pipeline_checks
from .agreement import agree, early_table_of, fit_table_of, together
from .leaving import begins
from .pipeline_steps import MOST, PipelineSteps
from .pipeline_whole import WholeModel
from .resume import Resumed, check_folder, compare, read, rest_of, saves_trainers, saving
from .shared import checked, is_time, shared
from .watchdog import Watchdog


class Moment(NamedTuple):
    """What files of several stages have in common if they belong together."""

    steps: int
    run_id: str
    ended_by: str


def fit(steps: PipelineSteps, given: tuple[Any, ...], options: FitOptions, spread: Spread) -> History:
    """Run a fit; the arguments are those of `run_fit` in gdcore/training/fit.py."""
    group, state = steps.group, steps.state
    with watched(steps, spread.timeout):
        spread, (data, validation) = together(group, lambda: (checked(state, spread, 1), take(steps, given)))
        agree(group, early_table_of(data.n, options, spread))
        run_id = group.told(secrets.token_hex(8))[0]
        before = _resumed(steps, data.n, options, spread)
        if before.history is not None and before.ended:
            return before.history
        options = together(group, lambda: _options(steps, before, options, spread))
        state.whole = whole = WholeModel(steps)
        try:
            made = together(group, lambda: Fit(state, data, validation, options))
            together(group, lambda: pipeline_checks.of_stages(made.recorder.record, made.recorder.criteria.rules))
            alike = {
                **fit_table_of(made, options),
                "samples": data.n,
                "steps done": state.steps_done,
                "place in the epoch": (state.run.epoch_samples, state.run.epoch_steps, state.run.epoch_of_steps),
                "learning rate": state.learning_rate,
                "data": fingerprint(data, validation),
            }
            agree(group, alike)
            state.run_id = run_id
            return before.whole(shared(steps, "fit", made.run))
        finally:
            whole.forget()
            state.whole = None


@contextmanager
def watched(steps: PipelineSteps, timeout: Any) -> Iterator[None]:
    """Begin a call of all ranks, in which no wait may take longer than a timeout, if there is one."""
    group = steps.group
    group.parted, group.meets_next = False, True
    if group.comm is None:
        yield
        return
    group.watchdog = watchdog = Watchdog(group.comm, timeout) if is_time(timeout) else None
    try:
        group.wait("begins a fit")
        begins(group.comm)
        group.go_on()
        yield
    finally:
        group.watchdog = None
        if watchdog is not None:
            watchdog.stop()


def take(steps: PipelineSteps, given: tuple[Any, ...]) -> tuple[Samples, Samples | None]:
    """Check the data of a fit against the whole model's inputs and outputs."""
    found = take_fit_data(replace(steps.state, stack=steps.gate), *given)
    data, validation = (None if one is None else _dense(one) for one in found)
    assert data is not None
    return data, validation


def _dense(data: Any) -> Samples:
    if not isinstance(data, Samples):
        raise pipeline_checks.stream()
    if isinstance(data.X, SparseRows):
        raise pipeline_checks.sparse()
    return data._replace(X=np.ascontiguousarray(data.X))


def _options(steps: PipelineSteps, before: Resumed, options: FitOptions, spread: Spread) -> FitOptions:
    """Return the options of the rest of a fit on one rank."""
    callbacks = callback_list(options.callbacks)
    if any(map(saves_trainers, callbacks)):
        raise pipeline_checks.own_checkpoints()
    if spread.checkpoint is not None and steps.place.copy == 0:
        path = _path_of(spread.checkpoint, steps.place.stage, steps.place.stages)
        check_folder(path)
        callbacks.append(saving(path, spread.checkpoint_every, 2, {}))
    return options._replace(
        epochs=options.epochs if before.epochs is None else before.epochs,
        max_steps=options.max_steps if before.max_steps is None else before.max_steps,
        callbacks=callbacks,
        progress=options.progress if steps.group.rank == 0 else False,
    )


def _path_of(checkpoint: str | PathLike[str], stage: int, stages: int, age: str = "") -> Path:
    """Return the name of a stage's file: run.stage1of3.gdc; `age` ".1" is that of the one before."""
    path = Path(checkpoint)
    return path.with_name(f"{path.stem}.stage{stage + 1}of{stages}{age}{path.suffix}")


def _resumed(steps: PipelineSteps, n: int, options: FitOptions, spread: Spread) -> Resumed:
    """Load the newest checkpoint that all stages have, and return what the fit goes on from."""
    if not spread.resume or spread.checkpoint is None:
        return Resumed()
    group, place, checkpoint = steps.group, steps.place, spread.checkpoint
    contents = together(group, lambda: _contents(checkpoint, steps))
    told = group.told((place.copy, list(contents)))
    known = [moments for copy, moments in told if copy == 0]
    if not any(known):
        return Resumed()
    common = [moment for moment in known[0] if all(moment in moments for moments in known)]
    if not common:
        raise pipeline_checks.apart(os.fspath(checkpoint), [[moment.steps for moment in moments] for moments in known])
    chosen = steps.column.told(contents.get(common[0]))[0]  # that of the first copy, which has it
    assert chosen is not None
    path, content = chosen

    def reads() -> tuple[dict[str, Any], History | None]:
        trainer, history = read(path, content, {})
        compare(trainer, steps.state, spread)
        saved = trainer.state_dict()
        shards, micro_batches = divmod(saved.get("shards", 0), MOST + 1)
        if (micro_batches, shards) != (steps.micro_batches, steps.pieces):
            raise pipeline_checks.other_parts((micro_batches, shards), (steps.micro_batches, steps.pieces))
        return saved, history

    def loads() -> Resumed:
        load_state_dict(steps.state, saved)
        return rest_of(steps.state, n, options, History() if history is None else history)

    saved, history = together(group, reads)
    return together(group, loads)


def _contents(checkpoint: str | PathLike[str], steps: PipelineSteps) -> dict[Moment, tuple[Path, bytes]]:
    """Return the bytes of this stage's files, the newest first; nothing on other copies than the first."""
    place = steps.place
    found: dict[Moment, tuple[Path, bytes]] = {}
    if place.copy:
        return {}
    for age in ("", ".1"):
        path = _path_of(checkpoint, place.stage, place.stages, age)
        if path.exists():
            content = path.read_bytes()
            trainer, _ = read(path, content, {})
            state = trainer.state_dict()
            moment = Moment(trainer.steps_done, state.get("run_id", ""), state.get("ended_by", ""))
            found.setdefault(moment, (path, content))
    if not found:
        path = Path(checkpoint)
        others = sorted(path.parent.glob(f"{path.stem}.stage1of*{path.suffix}"))
        if others and not _path_of(checkpoint, 0, place.stages).exists():
            raise pipeline_checks.other_stages(others[0].name, place.stages)
    return found
