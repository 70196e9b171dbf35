"""Save and restore everything that training changes.

Design
------
Between two steps the state is complete, within a fit too: a resumed fit repeats what was not committed (carried.py). So
a callback or a signal handler may copy the trainer within a fit. It is refused only if the handler runs in the middle
of a step. A copy in another thread waits for a step to end, and is refused within an epoch or a fit.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..layers.stack import Model
from ..losses import CustomLoss, Loss
from ..optimizers import Optimizer, OptimizerState
from ..optimizers import checks as optimizers_checks
from ..optimizers.base import N_SCALARS
from ..optimizers.full_batch import FullBatch
from ..schedules import PlateauState
from . import checks as training_checks
from .carried import Carried, GradientSum
from .options import options_of
from .snapshot import Snapshot
from .stopping.base import StoppingCriterion
from .turn import Turn, mine, wait_for_steps

if TYPE_CHECKING:
    from .trainer import Trainer

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
CARRIED = ("criteria", "data", "seen", "before", "reached", "shown", "gradient_sum", "unsummed")
SQUARES = (
    "second_moment",
    "max_second_moment",
    "infinity_norm",
    "sum_of_squares",
    "mean_square",
    "mean_square_move",
)
"""Slots that hold no number below 0; a saved one with such a number is refused."""


def state_of(trainer: Trainer) -> dict[str, Any]:
    """Return copies of everything that training changes, and the seed, which must match."""
    if mine(trainer._run):
        return _copied(trainer)
    with Turn(trainer._run, "state_dict"):
        return _copied(trainer)


def _copied(trainer: Trainer) -> dict[str, Any]:
    run, carried, stack = trainer._run, trainer._carried, trainer.stack
    wait_for_steps(run)
    params = stack.own_params(writes=False)
    training_checks.torn(run.torn)
    total, unsummed = carried.gradients or (None, 0)
    return {
        "params": params.copy(),
        "optimizer": trainer.optimizer_state.to_dict(),
        "epochs_done": run.epochs_done,
        "learning_rate": run.learning_rate,
        "plateau": tuple(carried.plateau),
        "seed": trainer.seed,
        "place": (run.epoch_samples, run.epoch_steps, run.epoch_of_steps),
        "sums": (run.loss_sum, run.mass, run.norm_sum, run.clipped_steps),
        "average": trainer.average,
        "averaged": None if trainer._mean is None else trainer._mean.copy(),
        "carried": copy.deepcopy(
            {
                "criteria": list(carried.criteria),
                "data": carried.data,
                "seen": carried.seen,
                "before": carried.before,
                "reached": carried.reached,
                "shown": carried.shown,
                "gradient_sum": total,
                "unsummed": unsummed,
            }
        ),
    }


def snapshot_of(trainer: Trainer) -> Snapshot:
    """Return settings and state of a trainer, from which an equal one can be made."""
    state = state_of(trainer)
    return Snapshot(trainer.stack, trainer.loss, trainer.optimizer, options_of(trainer), state)


def load_state(trainer: Trainer, state: Mapping[str, Any]) -> None:
    """Restore the result of `state_of`; all of it is checked before anything is changed."""
    run, own = trainer._run, trainer.optimizer_state
    with Turn(run, "load_state_dict"):
        wait_for_steps(run)
        training_checks.own_turn("load_state_dict", "step", run.running != 0)
        training_checks.saved_trainer(state, KEYS, trainer.stack.n_params, trainer.stack.dtype, trainer.seed)
        training_checks.saved_average(state["average"], state["averaged"], trainer.average, own.n)
        slots, scalars, step_count = _optimizer(own, state["optimizer"])
        try:
            learning_rate = training_checks.saved_rate(state["learning_rate"], trainer._schedule is not None)
            most = training_checks.MOST if isinstance(trainer.optimizer, FullBatch) else step_count
            epochs_done = training_checks.saved_count("epochs_done", state["epochs_done"], most)
            place = training_checks.saved_place(state["place"], step_count, epochs_done)
            sums = training_checks.saved_sums(state["sums"], place[1])
            plateau = PlateauState(*training_checks.saved_plateau(state["plateau"]))
            carried = _carried(trainer, state["carried"], place, epochs_done)._replace(plateau=plateau)
        except (TypeError, ValueError) as error:
            raise training_checks.not_a_state(error) from None
        trainer.stack.params = state["params"]
        own.slots[:], own.scalars[:] = slots, scalars
        if trainer._mean is not None:
            trainer._mean[:] = state["averaged"]
        run.step_count, run.epochs_done, run.learning_rate = step_count, epochs_done, learning_rate
        run.epoch_samples, run.epoch_steps, run.epoch_of_steps = place
        run.loss_sum, run.mass, run.norm_sum, run.clipped_steps = sums
        trainer._carried = carried


def _optimizer(own: OptimizerState, saved: Any) -> tuple[NDArray[Any], NDArray[np.float64], int]:
    """Check and return saved slots, scalars and step count."""
    names = own.optimizer.slot_names()
    optimizers_checks.saved_state(saved, own.optimizer.rule, len(names), N_SCALARS)
    slots = np.asarray(saved["slots"])
    training_checks.saved_slots(slots, own.slots.shape, own.dtype, names, SQUARES)
    scalars = training_checks.saved_scalars(saved["scalars"], N_SCALARS)
    return slots, scalars, training_checks.saved_count("step_count", saved["step_count"])


def _carried(trainer: Trainer, saved: Any, place: tuple[int, int, int], epochs_done: int) -> Carried:
    """Check and return what a fit has left, without the plateau."""
    n, dtype = trainer.stack.n_params, trainer.stack.dtype
    parts = training_checks.saved_parts("carried", saved, CARRIED)
    criteria = []
    for pair in training_checks.saved_list("criteria", parts["criteria"]):
        rule, memory = training_checks.saved_tuple("a criterion and its memory", pair, 2)
        training_checks.criterion(rule, StoppingCriterion)
        rule.check_memory(training_checks.saved_list("what a criterion remembers", memory), n, dtype)
        criteria.append((rule, tuple(memory)))
    before, reached, shown = (
        None if parts[name] is None else training_checks.saved_vector(f"the saved {name}", parts[name], n, dtype)
        for name in ("before", "reached", "shown")
    )
    training_checks.both_or_none("reached", reached, "shown", shown)
    total = parts["gradient_sum"]
    unsummed = training_checks.saved_unsummed(parts["unsummed"], place)
    if total is not None:
        training_checks.saved_vector("the saved gradient_sum", total, n, "float64")
    seen = checks.integer("seen", parts["seen"], -1, epochs_done)
    found = Carried(
        tuple(criteria),
        data=training_checks.saved_fingerprint(parts["data"]),
        seen=seen,
        before=before,
        reached=reached,
        shown=shown,
        gradients=None if total is None else GradientSum(total, unsummed),
    )
    return copy.deepcopy(found)


def restored(
    model: Model,
    loss: Loss | CustomLoss,
    optimizer: Optimizer | FullBatch,
    options: dict[str, Any],
    state: Mapping[str, Any],
) -> Trainer:
    """Return a trainer made from its settings and its state; pickle calls it."""
    from .trainer import Trainer

    trainer = Trainer(model, loss, optimizer, **options)
    trainer.load_state_dict(state)
    return trainer
