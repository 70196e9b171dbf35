"""Fits of several networks' estimators in one call of `gdcore.fit_many`.

Design
------
- Each estimator begins as its own fit does, with its own checks, random numbers and trainer. What decides when it stops
  is its own `Watch`, asked at the end of each of its epochs. So it ends with the bits of its own fit, and with the same
  record of losses, except for the trainer: an estimator that was trained together has none.
- Fits that measure more than losses (early stopping by scores, adaptive rates, callbacks, metrics) are made one by one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, final

from numpy.typing import NDArray

from ..base.per_model import PerModel
from ..many.errors import InterruptedFits, ModelsDivergedWarning
from ..many.fit_many import fit_many
from ..training.epoch_end import EpochEnd, Monitors
from ..training.fit_options import spread_here
from ..training.history import History
from ..training.stopping.base import CriterionState, Memory, Memoryless, StoppingCriterion
from .mlp import MLP, is_lbfgs
from .rows import Rows
from .trainers import settings_of
from .warn import warn
from .watch import Watch


class Begun(NamedTuple):
    """An estimator whose fit has begun."""

    est: MLP
    rows: Rows
    watch: Watch
    ended: Callable[[Watch, NDArray[Any], History, int], None]
    """Takes the watch, the trained parameters, their history and the number of rows."""


@final
@dataclass(frozen=True, repr=False, eq=False)
class Watched(StoppingCriterion):
    """Stops when an estimator's `Watch` says so."""

    name = "watched"

    watch: Watch

    def start(self, monitors: Monitors, remembered: Memory = ()) -> CriterionState:
        return Memoryless(self._see)

    def asks_for_losses_alone(self) -> bool:
        return True

    def _see(self, end: EpochEnd) -> str | None:
        own = end.params if end.own_params is None else end.own_params
        self.watch.trainer.model.stack.params[:] = own
        return self.watch.on_epoch_end(end)


def alone(est: Any, fit_params: Any = None) -> str:
    """Return why an estimator is fitted by itself, or "" if it may be trained together with others."""
    if not isinstance(est, MLP):
        return f"{type(est).__name__} is not one of MLPClassifier and MLPRegressor"
    if est.n_ensemble != 1:
        return f"n_ensemble={est.n_ensemble} is several models"
    if is_lbfgs(est.solver):
        return f"solver={est.solver!r} takes all rows at once"
    if est.early_stopping:
        return "early_stopping=True scores each epoch"
    if est.learning_rate in ("adaptive", "invscaling"):
        return f"learning_rate={est.learning_rate!r} follows the fit"
    for name in ("callbacks", "metrics", "verbose"):
        value = getattr(est, name)
        if value or not isinstance(value, tuple | list | bool | int):
            return f"{name}={value!r} looks at each epoch"
    if spread_here() is not None:
        return "a block of gdcore.distributed.spread shares out each fit"
    given = [name for name, value in (fit_params or {}).items() if value is not None]
    return f"fit takes {', '.join(given)}" if given else ""


def train_together(fits: Sequence[Begun], threads: int | None = None, *, whole: bool = False) -> list[int]:
    """Train estimators whose fits have begun; return the numbers of those that diverged, which are not fitted.

    After an interrupt they are what was trained of them, with a warning as of a single fit. If they are to be `whole`,
    as where they are compared, the interrupt is raised.
    """
    groups: dict[Any, list[int]] = {}
    for i, (est, rows, watch, _) in enumerate(fits):
        key = est.average, bool(est.shuffle), est.max_iter, rows.weight is None, watch.trainer.model.dtype
        groups.setdefault(key, []).append(i)
    diverged: list[int] = []
    for (average, shuffle, epochs, unweighted, _), numbers in groups.items():
        several = [fits[i] for i in numbers]
        settings = [settings_of(one.watch.trainer) for one in several]
        nets = [one.watch.trainer.model for one in several]
        watches = tuple(Watched(one.watch) for one in several)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ModelsDivergedWarning)
            try:
                many = fit_many(
                    nets,
                    [one.rows.X for one in several],
                    [one.rows.y for one in several],
                    [chosen.loss for chosen in settings],
                    params=[net.params.copy() for net in nets],
                    seeds=[chosen.seed for chosen in settings],
                    sample_weight=None if unweighted else [one.rows.weight for one in several],
                    optimizer=[chosen.optimizer for chosen in settings],
                    batch_size=[chosen.batch_size for chosen in settings],
                    l1=[chosen.l1 for chosen in settings],
                    l2=[chosen.l2 for chosen in settings],
                    clip_norm=[chosen.clip_norm for chosen in settings],
                    clip_value=[chosen.clip_value for chosen in settings],
                    average=average,
                    shuffle=shuffle,
                    epochs=epochs,
                    stop=PerModel(Watched, watches, "the estimators' own rules"),
                    threads=threads,
                )
            except InterruptedFits as error:
                if whole:
                    raise
                many = error.many
                warn("Training interrupted by user.")
        for k, (i, one) in enumerate(zip(numbers, several, strict=True)):
            if many.diverged[k]:
                diverged.append(i)
            else:
                one.ended(one.watch, many.params_of(k), many.history(k), one.rows.X.shape[0])
    return sorted(diverged)
