"""What a trainer changes: taken out, and put back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import checks, checks_fit
from ..losses import CustomLoss, Loss
from ..models.sequential import Sequential
from ..optimizers import Optimizer, OptimizerState
from ..optimizers.full_batch import FullBatch
from ..schedules import PlateauState

if TYPE_CHECKING:
    from .trainer import Trainer

KEYS = ("params", "optimizer", "epochs_done", "learning_rate", "plateau", "seed")


def state_of(trainer: Trainer) -> dict[str, Any]:
    """Copies of all that changes, and the seed, which must stay."""
    return {
        "params": trainer.model.params.copy(),
        "optimizer": trainer.optimizer_state.to_dict(),
        "epochs_done": trainer.epochs_done,
        "learning_rate": trainer._run.learning_rate,
        "plateau": tuple(trainer._plateau),
        "seed": trainer.seed,
    }


def load_state(trainer: Trainer, state: Mapping[str, Any]) -> None:
    """Put back what `state_of` gave; all of it is checked before anything is changed."""
    checks_fit.saved_trainer(state, KEYS, trainer.model.n_params, trainer.model.dtype, trainer.seed)
    own = trainer.optimizer_state
    saved = OptimizerState.from_dict(own.optimizer, state["optimizer"])
    checks.vector("the saved slots", saved.slots.ravel(), own.slots.size, own.dtype)
    trainer.model.params = state["params"]
    own.slots[:], own.scalars[:] = saved.slots, saved.scalars
    trainer._run.step_count = saved.step_count
    trainer._run.learning_rate = state["learning_rate"]
    trainer._epochs_done = int(state["epochs_done"])
    trainer._plateau = PlateauState(*state["plateau"])


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
