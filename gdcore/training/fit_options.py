"""What a fit is asked for, beside the data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..metrics import Metrics
from .callbacks import Callback
from .stopping.base import StopSpec


class FitOptions(NamedTuple):
    """Arguments of `Trainer.fit` beside the data, as the user gave them."""

    epochs: int | None
    max_steps: int | None
    metrics: Metrics
    stop: StopSpec | Iterable[StopSpec]
    callbacks: Callback | Iterable[Callback]
    record: str | Iterable[str]
    progress: bool
    leaves_mean: bool
    """Whether the model ends with the average of the parameters, or with those that a criterion restores after that.
    """
    advises: bool = True
    """Whether the fit warns of an output activation that does not suit the targets, and ends with a hint."""
