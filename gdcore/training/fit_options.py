"""What a fit is asked for, beside the data."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from os import PathLike
from typing import Any, NamedTuple

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


class Spread(NamedTuple):
    """Arguments of `Trainer.fit` that spread a fit over processes, or keep it in a file; see `gdcore.distributed`."""

    comm: Any
    shards: int | None
    reduce: str
    timeout: float | None
    checkpoint: str | PathLike[str] | None
    checkpoint_every: int
    resume: bool

    @property
    def is_plain(self) -> bool:
        """Whether the fit is one in this process, of whole batches, and without a file."""
        return self == PLAIN and self.resume is False


PLAIN = Spread(None, None, "tree", None, None, 1, False)

BLOCKS: list[object] = []
"""The `spread` blocks of all threads that have begun and not ended: while there are none, a step need not look."""

spread_by_default: ContextVar[Spread | None] = ContextVar("spread_by_default", default=None)
"""What `gdcore.distributed.spread` has set for the fits within its block."""


def spread_here() -> Spread | None:
    """Return how the block that this call is in spreads it; None: not at all."""
    block = spread_by_default.get()
    return None if block is None or block.is_plain else block
