"""An epoch, and a step, over several processes, or over the shards of one: those of a `spread` block.

Design
------
They begin as a fit does, so that the ranks agree on model, data and settings, and have the same bits for any number of
ranks. That costs some exchanges in each call: a fit, which agrees once, is faster than its epochs one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .._kernels.errors import RefusedStep
from ..training.diverged import explain
from ..training.epoch import run_epoch
from ..training.fit_options import Spread
from ..training.state import TrainingState
from ..training.validation import take_epoch_data
from .agreement import agree, together, training_table_of
from .group import Group
from .shared import checked, on_ranks, shared
from .steps import SharedSteps


def epoch(state: TrainingState, given: tuple[Any, Any, Any], mean_weight: float | None, spread: Spread) -> float:
    """Run the epoch of `Trainer.epoch` on (X, y, sample_weight) and return its mean loss."""

    def call(group: Group) -> float:
        steps, data = _begun(group, state, partial(take_epoch_data, state, *given), mean_weight, spread)

        def run() -> float:
            state.memory = state.memory.outside_fits()
            return run_epoch(state, data, mean_weight=mean_weight)

        return shared(steps, "epoch", run)

    return on_ranks(spread, call)


def step(state: TrainingState, given: tuple[Any, Any, Any], mean_weight: float | None, spread: Spread) -> float:
    """Make the step of `Trainer.step` on (xb, yb, sample_weight) and return its mean loss."""

    def call(group: Group) -> float:
        steps, data = _begun(group, state, partial(state.take, *given), mean_weight, spread)

        def run() -> float:
            if state.settings.schedule is not None:
                state.run.learning_rate = state.learning_rate
            try:
                return steps.single(data)
            except RefusedStep as error:
                raise explain(state, data, slice(None), error.args[0]) from None

        return shared(steps, "step", run)

    return on_ranks(spread, call)


def _begun(
    group: Group, state: TrainingState, take: Callable[[], Any], mean_weight: float | None, spread: Spread
) -> tuple[SharedSteps, Any]:
    """Check what is given, and return how its steps are made and the data, on which all ranks agree."""

    def takes() -> tuple[Spread, Any]:
        return checked(state, spread, group.size), take()

    found, data = together(group, takes)
    shards = found.shards or 1
    group.make_room(2 * -(-shards // group.size))
    steps = together(group, lambda: SharedSteps(state, group, shards, found.reduce, mean_weight))
    agree(group, {"mean_weight": mean_weight, **training_table_of(state, data, None, found)})
    return steps, data
