"""What all ranks of a fit must have alike, compared before its first step.

Design
------
- Each rank sends one table of names and values, what is large as a checksum. The first name in which a rank differs
  from rank 0 is told, on every rank alike.
- A rank that could not even read its arguments sends its error instead. So a mistake on one rank is an error on all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .._kernels import CHOSEN, lane_order
from .._version import __version__
from ..base.checks import callable_name
from ..data.samples import Samples
from ..metrics import get_metrics
from ..training.fingerprint import fingerprint
from ..training.fit import Fit
from ..training.fit_options import FitOptions, Spread
from ..training.state import TrainingState
from . import checks as distributed_checks
from .errors import RankError
from .group import Group

if TYPE_CHECKING:
    from ..data.stream import Data

T = TypeVar("T")


def together(group: Group, makes: Callable[[], T]) -> T:
    """Return what a function returns, or raise on every rank if it raises on one.

    Raises
    ------
    Exception
        The rank's own error, or RankError with that of the first rank that has one.
    """
    try:
        made = makes()
    except BaseException as error:
        group.told(f"{type(error).__name__}: {error}")
        raise
    for rank, message in enumerate(group.told("")):
        if message:
            raise RankError(f"rank {rank} failed with {message}", rank)
    return made


def agree(group: Group, table: dict[str, Any]) -> None:
    """Compare the tables of all ranks.

    Raises
    ------
    ValueError
        Naming the first rank and the first value that differ from rank 0's.
    """
    tables = group.told(table)
    for rank, other in enumerate(tables):
        for name, value in other.items():
            if tables[0].get(name) != value:
                raise distributed_checks.differs(rank, name, value, tables[0].get(name))


def early_table_of(n: int, options: FitOptions, spread: Spread) -> dict[str, str]:
    """Return what decides whether a fit on n samples goes on from a checkpoint, and whether anything is left of it."""
    asked = {"samples": n, "epochs": options.epochs, "max_steps": options.max_steps, "resume": spread.resume}
    return {name: str(value) for name, value in asked.items()}


def table_of(state: TrainingState, fit: Fit, options: FitOptions, spread: Spread) -> dict[str, Any]:
    """Return names and values of a fit and its training that all ranks must have alike."""
    return {**fit_table_of(fit, options), **training_table_of(state, fit.data, fit.validation, spread)}


def fit_table_of(fit: Fit, options: FitOptions) -> dict[str, Any]:
    """Return names and values of a fit that all ranks must have alike."""
    return {
        "validation samples": None if fit.validation is None else fit.validation.n,
        "epochs": fit.epochs,
        "max_steps": options.max_steps,
        "metrics": list(get_metrics(options.metrics, [])),
        "stop": [_told(rule) for rule in fit.recorder.criteria.rules],
        "record": tuple(fit.recorder.record),
    }


def training_table_of(state: TrainingState, data: Data, validation: Data | None, spread: Spread) -> dict[str, Any]:
    """Return names and values of a training, and of data for it, that all ranks must have alike."""
    settings, stack, run = state.settings, state.stack, state.run
    return {
        "gdcore": __version__,
        "NumPy": np.__version__,
        "instruction set": CHOSEN,
        "lanes": lane_order(),
        "precision": stack.dtype,
        "layers": repr(stack.layers),
        "seed": state.seed,
        "loss": callable_name(settings.loss) if callable(settings.loss) else repr(settings.loss),
        "optimizer": repr(settings.optimizer),
        **{name: repr(value) for name, value in settings.options(state.seed).items()},
        "samples": data.n,
        "features": stack.in_features,
        "shards": spread.shards,
        "reduce": spread.reduce,
        "steps done": run.step_count,
        "epochs done": run.epochs_done,
        "place in the epoch": (run.epoch_samples, run.epoch_steps, run.epoch_of_steps),
        "learning rate": state.learning_rate,
        "parameters": checksum(stack.own_params(writes=False)),
        "windows and blocks": [_cut(one) for one in (data, validation)],
        "average of parameters": None if state.mean is None else checksum(state.mean),
        "optimizer state": checksum(state.slots.slots, state.slots.scalars),
        "data": fingerprint(data, validation),
    }


def _cut(data: Data | None) -> tuple[int, int] | None:
    """Return how many rows of a stream are read at a time, which decides their order."""
    return None if data is None or isinstance(data, Samples) else (data.window, data.block)


def _told(rule: object) -> str:
    """Return a criterion without what differs from process to process, a function's address."""
    return repr(rule).split(" at 0x")[0]


def checksum(*arrays: Any) -> str:
    """Return a checksum of some arrays."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()[:16]
