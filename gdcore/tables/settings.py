"""What a training on a table is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from ..base import checks
from ..base.calls import explains_constructor
from ..losses import LOSSES
from .errors import TableError
from .kinds import Forced
from .target import TASKS, Target

LOSSES_OF = {"regression": ("real", "nonnegative"), "classification": ("class", "unit", "sign")}
"""Kinds of targets, as losses name them, that suit each task."""


@final
@dataclass(frozen=True)
class Settings:
    """Settings of `train`; every one has a default.

    Parameters
    ----------
    task : {"auto", "regression", "classification"}
    hidden : tuple of int, default (64, 64)
        Widths of the hidden layers; () trains a linear model.
    activation : str, default "relu"
    loss : str, optional
        By default mean_squared_error or cross_entropy. Losses of two classes take one output.
    optimizer : str, default "adam"
    rate : float, optional
        The learning rate; by default that of `gdcore.find_learning_rate`.
    epochs, batch_size : int, optional
        By default at most as many epochs as make 20,000 steps, 20 to 500, in batches of 32 to 256 rows.
    patience : int, default 20
        The fit ends after so many epochs without a better validation loss.
    validation : float, default 0.2
        Share of the rows that is held out; 0 holds out none.
    impute : bool, default False
    forced : Forced
        Columns whose types are given.
    seed : int, default 0
        Of the split, the initial weights and the batches.

    Examples
    --------
    >>> Settings(hidden=(), epochs=100).batch(5000), Settings().most_epochs(1000)
    (50, 500)
    """

    task: str = "auto"
    hidden: tuple[int, ...] = (64, 64)
    activation: str = "relu"
    loss: str | None = None
    optimizer: str = "adam"
    rate: float | None = None
    epochs: int | None = None
    batch_size: int | None = None
    patience: int = 20
    validation: float = 0.2
    impute: bool = False
    forced: Forced = field(default_factory=Forced)
    seed: int = 0

    def __post_init__(self) -> None:
        checks.one_of("task", self.task, TASKS)
        checks.in_range("validation", self.validation, 0, 1)
        checks.integer("patience", self.patience, 1)
        if not isinstance(self.hidden, tuple | list):
            received = checks.short(self.hidden)
            raise TypeError(f"hidden must be a tuple of widths, such as (64, 64), got {received}: () is a linear model")
        for i, width in enumerate(self.hidden):
            checks.integer(f"hidden[{i}]", width, 1)
        if self.rate is not None:
            checks.positive("rate", self.rate)
        for name, value in (("epochs", self.epochs), ("batch_size", self.batch_size)):
            if value is not None:
                checks.integer(name, value, 1)
        checks.boolean("impute", self.impute)
        if not isinstance(self.forced, Forced):
            received = checks.short(self.forced)
            raise TypeError(
                f"forced must be a gdcore.tables.Forced, got {received}: pass Forced(drop=frozenset({{'id'}}))"
            )

    def batch(self, n: int) -> int:
        """Return the rows of a batch."""
        return self.batch_size or min(max(32, n // 100), 256, n)

    def most_epochs(self, n: int) -> int:
        """Return the largest number of epochs."""
        steps = -(-n // self.batch(n))
        return self.epochs or min(max(20, 20_000 // steps), 500)

    def loss_for(self, target: Target) -> str:
        """Return the loss's name.

        Raises
        ------
        TableError
            For one that does not suit the task, or the number of classes.
        """
        if self.loss is None:
            return "mean_squared_error" if target.task == "regression" else "cross_entropy"
        loss = LOSSES.find(self.loss)
        kind = str(getattr(loss, "target", ""))
        if kind not in LOSSES_OF[target.task]:
            better = "mse or huber" if target.task == "regression" else "cross_entropy"
            raise TableError(f"the loss {self.loss} does not suit a {target.task}: take {better}")
        if kind in ("unit", "sign") and len(target.classes) != 2:
            raise TableError(f"the loss {self.loss} needs 2 classes, got {len(target.classes)}: take cross_entropy")
        return loss.name


explains_constructor(Settings)
