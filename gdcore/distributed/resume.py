"""Checkpoints: rank 0 writes the file, and every rank goes on from what it reads there.

Design
------
- The file is that of `gdcore.Checkpoint`, with the number of shards in it, and is written in one piece: if the disk is
  full, or the job is killed meanwhile, the old one is still there.
- Rank 0 sends the file's bytes to the others. So the folder need not be shared, and any number of ranks goes on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple

from ..base import checks
from ..base.checks import callable_name
from ..base.later import later
from ..losses import Loss
from ..training.callbacks import Callback, callback_list
from ..training.epoch import extent
from ..training.fit_options import FitOptions, Spread
from ..training.history import History
from ..training.length import default_epochs
from ..training.resume import load_state_dict, snapshot_of
from ..training.snapshot import Snapshot
from ..training.state import TrainingState
from . import checks as distributed_checks
from .agreement import together
from .group import Group

if TYPE_CHECKING:
    from ..training.trainer import Trainer


class Resumed(NamedTuple):
    """What a fit goes on from."""

    history: History | None = None
    """The rows of the epochs before, if there are any."""
    epochs: int | None = None
    """Epochs and steps that are still to be made; None: as many as the fit is asked for."""
    max_steps: int | None = None
    stopped: bool = False
    """Whether a criterion or a callback has ended it."""

    @property
    def ended(self) -> bool:
        """Whether the fit in the file has nothing left to do."""
        if self.history is None:
            return False
        return self.stopped or 0 in (self.epochs, self.max_steps)

    def options_for(self, options: FitOptions, state: TrainingState, spread: Spread, rank: int) -> FitOptions:
        """Return the options of the rest of a fit on one rank."""
        callbacks = callback_list(options.callbacks)
        if rank:  # ranks that share a folder would write over each other's files
            callbacks = [callback for callback in callbacks if not saves_trainers(callback)]
        if spread.checkpoint is not None and rank == 0:
            check_folder(spread.checkpoint)
            callbacks.append(saving(spread.checkpoint, spread.checkpoint_every, 1, _names(state)))
        epochs = options.epochs if self.epochs is None else self.epochs
        max_steps = options.max_steps if self.max_steps is None else self.max_steps
        shown = options.progress if rank == 0 else False
        return options._replace(epochs=epochs, max_steps=max_steps, callbacks=callbacks, progress=shown)

    def whole(self, history: History) -> History:
        """Return the history of the whole fit."""
        if self.history is None or not self.history.epochs:
            return history
        found: History = later("io.checkpoint", "joined")(self.history, history)
        return found


def resumed(group: Group, state: TrainingState, n: int, options: FitOptions, spread: Spread) -> Resumed:
    """Load the checkpoint into a training on n samples, if it is there, and return what the fit goes on from.

    Raises
    ------
    ValueError
        If the file holds a trainer with other settings or shards.
    """
    if not spread.resume:
        return Resumed()
    content = group.told(together(group, lambda: _bytes(spread) if group.rank == 0 else None))[0]
    if content is None:
        return Resumed()

    def reads() -> tuple[dict[str, Any], History | None]:
        assert spread.checkpoint is not None
        trainer, history = read(spread.checkpoint, content, _names(state))
        compare(trainer, state, spread)
        saved = trainer.state_dict()
        if saved.get("shards", 0) != (spread.shards or 0):
            raise distributed_checks.other_shards(saved.get("shards", 0), spread.shards or 0)
        return saved, history

    def loads() -> Resumed:
        load_state_dict(state, saved)
        return rest_of(state, n, options, History() if history is None else history)

    saved, history = together(group, reads)  # on every rank before one changes its training
    return together(group, loads)


def saves_trainers(callback: Callback) -> bool:
    """Return whether a callback is a `gdcore.Checkpoint`."""
    kind: Any = later("io.checkpoint", "Checkpoint")
    return isinstance(callback, kind)


def saving(path: str | PathLike[str], every: int, keep: int, custom: Mapping[str, Any]) -> Callback:
    """Return the `gdcore.Checkpoint` that writes a file."""
    found: Callback = later("io.checkpoint", "Checkpoint")(path, every=every, keep=keep, custom=custom)
    return found


def read(path: str | PathLike[str], content: bytes, custom: Mapping[str, Any]) -> tuple[Trainer, History | None]:
    """Return the trainer and the history in a file's bytes."""
    found: tuple[Trainer, History | None] = later("io.checkpoint", "read_back")(path, content, custom)
    return found


def _bytes(spread: Spread) -> bytes | None:
    try:
        with open(spread.checkpoint or "", "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        return None


def check_folder(path: str | PathLike[str]) -> None:
    """Raise if a file's folder cannot take it, before a fit that would learn it after its first epoch."""
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder):
        raise distributed_checks.no_folder(path, folder)
    if not os.access(folder, os.W_OK):
        raise distributed_checks.read_only(path, folder)


def _names(state: TrainingState) -> Mapping[str, Any]:
    """Return the name that a custom loss is saved by."""
    loss = state.settings.loss
    return {} if isinstance(loss, Loss) else {callable_name(loss): loss}


def compare(trainer: Trainer, state: TrainingState, spread: Spread) -> None:
    """Check that a file's trainer has the settings of a training."""
    found, own = _settings(trainer.snapshot()), _settings(snapshot_of(state))
    for name, value in own.items():
        if found[name] != value:
            raise distributed_checks.other_settings(spread.checkpoint, name, found[name], value)


def _settings(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "layers": snapshot.stack.layers,
        "precision": snapshot.stack.dtype,
        "loss": snapshot.loss,
        "optimizer": snapshot.optimizer,
        **snapshot.options,
    }


def rest_of(state: TrainingState, n: int, options: FitOptions, history: History) -> Resumed:
    """Return how much of a fit is left; its numbers of epochs and steps count from the beginning."""
    epochs, max_steps = options.epochs, options.max_steps
    if epochs is None and max_steps is None:
        epochs = default_epochs(extent(state, n).steps)
    if epochs is not None:
        epochs = max(0, checks.integer("epochs", epochs, 1) - state.epochs_done)
    if max_steps is not None:
        max_steps = max(0, checks.integer("max_steps", max_steps, 1) - state.steps_done)
    return Resumed(history, epochs, max_steps, bool(state.memory.ended(state.steps_done)))
