"""Save and restore everything that training changes.

Design
------
Between two steps the state is complete, within a fit too: a resumed fit repeats what was not committed
(fit_memory.py). So a callback or a signal handler may copy the trainer within a fit. It is refused only if the handler
runs in the middle of a step. A copy in another thread waits for a step to end, and is refused within an epoch or a fit.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..optimizers import OptimizerState
from ..optimizers import checks as optimizers_checks
from ..optimizers.base import N_SCALARS
from ..optimizers.full_batch import FullBatch
from ..schedules import PlateauState
from . import checks as training_checks
from . import saved_checks
from .fit_memory import ENDS, FitMemory, GradientSum
from .snapshot import Snapshot
from .state import TrainingState
from .stopping.base import StoppingCriterion
from .turn import turn, wait_for_steps

KEYS = (
    "params",
    "optimizer",
    "epochs_done",
    "learning_rate",
    "plateau",
    "seed",
    "place",
    "sums",
    "average",
    "averaged",
    "carried",
)
MEMORY = ("criteria", "data", "seen", "before", "reached", "shown", "gradient_sum", "unsummed")
SQUARES = (
    "second_moment",
    "max_second_moment",
    "infinity_norm",
    "sum_of_squares",
    "mean_square",
    "mean_square_move",
)
"""Slots that hold no number below 0; a saved one with such a number is refused."""


def state_dict(state: TrainingState, call: str = "state_dict") -> dict[str, Any]:
    """Return copies of everything that training changes, and the seed, which must match; messages name the call."""
    if state.run.has_turn:
        return _copied(state)
    with turn(state.run, call):
        return _copied(state)


def _copied(state: TrainingState) -> dict[str, Any]:
    run, memory = state.run, state.memory
    wait_for_steps(run)
    params = state.stack.own_params(writes=False)
    training_checks.torn(run.torn)
    total, unsummed = memory.gradients or (None, 0)
    ended_by = memory.ended(run.step_count)
    return {
        "params": params.copy(),
        "optimizer": state.optimizer_state.to_dict(),
        "epochs_done": run.epochs_done,
        "learning_rate": run.learning_rate,
        "plateau": tuple(memory.plateau),
        "seed": state.seed,
        "place": (run.epoch_samples, run.epoch_steps, run.epoch_of_steps),
        "sums": (run.loss_sum, run.total_weight, run.norm_sum, run.clipped_steps),
        "average": state.settings.average,
        "averaged": None if state.mean is None else state.mean.copy(),
        "carried": copy.deepcopy(
            {
                "criteria": list(memory.criteria),
                "data": memory.data,
                "seen": memory.seen,
                "before": memory.before,
                "reached": memory.reached,
                "shown": memory.shown,
                "gradient_sum": total,
                "unsummed": unsummed,
            }
        ),
        **({"shards": state.shards} if state.shards else {}),
        **({"run_id": state.run_id} if state.run_id else {}),
        **({"ended_by": ended_by} if ended_by else {}),
    }


def snapshot_of(state: TrainingState) -> Snapshot:
    """Return settings and state of a training, from which an equal trainer can be made."""
    settings = state.settings
    return Snapshot(
        state.stack, settings.loss, settings.optimizer, settings.options(state.seed), state_dict(state, "save")
    )


def load_state_dict(state: TrainingState, saved: Mapping[str, Any]) -> None:
    """Restore the result of `state_dict`; all of it is checked before anything is changed."""
    run, stack, settings, slots = state.run, state.stack, state.settings, state.slots
    with turn(run, "load_state_dict"):
        wait_for_steps(run)
        training_checks.own_turn("load_state_dict", "step", run.running != 0)
        saved_checks.saved_trainer(saved, KEYS, stack.n_params, stack.dtype, state.seed)
        saved_checks.saved_average(saved["average"], saved["averaged"], settings.average, stack.n_params)
        vectors, scalars, step_count = _optimizer(slots, saved["optimizer"])
        try:
            learning_rate = saved_checks.saved_rate(saved["learning_rate"], settings.schedule is not None)
            most = saved_checks.MAX_COUNT if isinstance(settings.optimizer, FullBatch) else step_count
            epochs_done = saved_checks.saved_count("epochs_done", saved["epochs_done"], most)
            place = saved_checks.saved_place(saved["place"], step_count, epochs_done)
            sums = saved_checks.saved_sums(saved["sums"], place[1])
            plateau = PlateauState(*saved_checks.saved_plateau(saved["plateau"]))
            shards = checks.integer("shards", saved.get("shards", 0), 0)
            run_id = saved.get("run_id", "")
            checks.text("run_id", run_id)
            ended_by = saved.get("ended_by", "")
            checks.one_of("ended_by", ended_by, ("", *ENDS))
            memory = _memory(state, saved["carried"], place, epochs_done)
            memory = memory._replace(plateau=plateau, ended_by=ended_by, ended_at=step_count)
        except (TypeError, ValueError) as error:
            raise saved_checks.not_a_state(error) from None
        stack.params = saved["params"]
        slots.slots[:], slots.scalars[:] = vectors, scalars
        if state.mean is not None:
            state.mean[:] = saved["averaged"]
        run.step_count, run.epochs_done, run.learning_rate = step_count, epochs_done, learning_rate
        run.epoch_samples, run.epoch_steps, run.epoch_of_steps = place
        run.loss_sum, run.total_weight, run.norm_sum, run.clipped_steps = sums
        state.memory, state.shards, state.run_id = memory, shards, run_id


def _optimizer(own: OptimizerState, saved: Any) -> tuple[NDArray[Any], NDArray[np.float64], int]:
    """Check and return saved slots, scalars and step count."""
    names = own.optimizer.slot_names()
    optimizers_checks.saved_state(saved, own.optimizer.name, len(names), N_SCALARS)
    slots = np.asarray(saved["slots"])
    saved_checks.saved_slots(slots, own.slots.shape, own.dtype, names, SQUARES)
    scalars = saved_checks.saved_scalars(saved["scalars"], N_SCALARS, own.optimizer.largest_scalar())
    return slots, scalars, saved_checks.saved_count("step_count", saved["step_count"])


def _memory(state: TrainingState, saved: Any, place: tuple[int, int, int], epochs_done: int) -> FitMemory:
    """Check and return what a fit has left, without the plateau."""
    n, dtype = state.stack.n_params, state.stack.dtype
    parts = saved_checks.saved_parts("carried", saved, MEMORY)
    criteria = []
    for pair in saved_checks.saved_list("criteria", parts["criteria"]):
        rule, memory = saved_checks.saved_tuple("a criterion and its memory", pair, 2)
        saved_checks.criterion(rule, StoppingCriterion)
        rule.check_memory(saved_checks.saved_list("what a criterion remembers", memory), n, dtype)
        criteria.append((rule, tuple(memory)))
    before, reached, shown = (
        None if parts[name] is None else saved_checks.saved_vector(f"the saved {name}", parts[name], n, dtype)
        for name in ("before", "reached", "shown")
    )
    saved_checks.both_or_none("reached", reached, "shown", shown)
    total = parts["gradient_sum"]
    unsummed = saved_checks.saved_unsummed(parts["unsummed"], place)
    if total is not None:
        saved_checks.saved_vector("the saved gradient_sum", total, n, "float64")
    seen = checks.integer("seen", parts["seen"], -1, epochs_done)
    found = FitMemory(
        tuple(criteria),
        data=saved_checks.saved_fingerprint(parts["data"]),
        seen=seen,
        before=before,
        reached=reached,
        shown=shown,
        gradients=None if total is None else GradientSum(total, unsummed),
    )
    return copy.deepcopy(found)
