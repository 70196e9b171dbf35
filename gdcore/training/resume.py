"""What a trainer changes: taken out, and put back."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from .. import checks, checks_fit
from ..losses import CustomLoss, Loss
from ..models.sequential import Sequential
from ..optimizers import Optimizer, OptimizerState
from ..optimizers.full_batch import FullBatch
from ..schedules import PlateauState
from .carried import Carried
from .epoch import Place

if TYPE_CHECKING:
    from .trainer import Trainer

KEYS = (
    "params", "optimizer", "epochs_done", "learning_rate", "plateau", "seed", "place", "sums", "average", "averaged",
    "carried",
)  # fmt: skip
SUMS = ("loss_sum", "mass", "norm_sum", "clipped_steps")
"""Of the epoch under way."""


def state_of(trainer: Trainer) -> dict[str, Any]:
    """Copies of all that changes, and the seed, which must stay."""
    return {
        "params": trainer.model.params.copy(),
        "optimizer": trainer.optimizer_state.to_dict(),
        "epochs_done": trainer.epochs_done,
        "learning_rate": trainer._run.learning_rate,
        "plateau": tuple(trainer._plateau),
        "seed": trainer.seed,
        "place": astuple(trainer._place),
        "sums": tuple(getattr(trainer._run, name) for name in SUMS),
        "average": trainer.average,
        "averaged": None if trainer._mean is None else trainer._mean.copy(),
        "carried": copy.deepcopy(vars(trainer._carried)),
    }


def load_state(trainer: Trainer, state: Mapping[str, Any]) -> None:
    """Put back what `state_of` gave; all of it is checked before anything is changed."""
    checks_fit.saved_trainer(state, KEYS, trainer.model.n_params, trainer.model.dtype, trainer.seed)
    own = trainer.optimizer_state
    saved = OptimizerState.from_dict(own.optimizer, state["optimizer"])
    checks.vector("the saved slots", saved.slots.ravel(), own.slots.size, own.dtype)
    checks_fit.saved_average(state["average"], state["averaged"], trainer.average, own.n)
    try:
        place, plateau = Place(*state["place"]), PlateauState(*state["plateau"])
        carried, sums = Carried(**copy.deepcopy(state["carried"])), dict(zip(SUMS, state["sums"], strict=True))
        learning_rate, epochs_done = float(state["learning_rate"]), int(state["epochs_done"])
    except (TypeError, ValueError) as error:
        raise checks_fit.not_a_state(error) from None
    trainer.model.params = state["params"]
    own.slots[:], own.scalars[:] = saved.slots, saved.scalars
    trainer._run.step_count = saved.step_count
    trainer._run.learning_rate, trainer._epochs_done = learning_rate, epochs_done
    trainer._plateau, trainer._place, trainer._carried = plateau, place, carried
    for name, value in sums.items():
        setattr(trainer._run, name, value)
    if trainer._mean is not None:
        trainer._mean[:] = state["averaged"]


def restored(
    model: Sequential,
    loss: Loss | CustomLoss,
    optimizer: Optimizer | FullBatch,
    options: dict[str, Any],
    state: Mapping[str, Any],
) -> Trainer:
    """A trainer from its settings and its state: how pickle makes it."""
    from .trainer import Trainer

    trainer = Trainer(model, loss, optimizer, **options)
    trainer.load_state_dict(state)
    return trainer
