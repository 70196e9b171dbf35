"""A fit over several processes, or over the shards of one.

Design
------
- All that may go wrong before the first step is tried first, and the ranks tell each other how it went
  (agreement.py). During the fit they meet at each exchange (group.py).
- Each rank runs the whole fit: its own epochs, validation, metrics, criteria and callbacks, on parameters that have the
  same bits on all ranks. Only the gradients of a step are shared out. So whatever works in one process works here.
- Rank 0 alone shows the progress and writes the checkpoint.
"""

from __future__ import annotations

from numbers import Real
from os import PathLike
from typing import Any

from ..base import checks
from ..optimizers.full_batch import FullBatch
from ..training.fit import Fit
from ..training.fit_options import FitOptions, Spread
from ..training.history import History
from ..training.state import TrainingState
from ..training.turn import Turn
from ..training.validation import take_fit_data
from . import checks as distributed_checks
from .agreement import agree, early_table_of, table_of, together
from .communicator import Communicator, communicator
from .group import Group
from .leaving import begins, ends_with_uncaught
from .resume import resumed
from .steps import SharedSteps
from .watchdog import Watchdog


def fit(state: TrainingState, given: tuple[Any, ...], options: FitOptions, spread: Spread) -> History:
    """Run a fit; the arguments are those of `run_fit` in gdcore/training/fit.py.

    Raises
    ------
    RankError
        If another rank has failed.
    """
    comm = spreads_over(spread)
    if comm is None:
        return _fit(Group(None, None), state, given, options, spread)
    watchdog = Watchdog(comm, spread.timeout) if _is_time(spread.timeout) else None
    try:
        if watchdog is not None:
            watchdog.waits("begins a fit")
        begins(comm)
        own: Communicator = comm.Dup()  # what is sent here is not taken for the user's messages
        try:
            history = _fit(Group(own, watchdog), state, given, options, spread)
        except Exception:  # of which all ranks know
            own.Free()
            raise
        own.Free()
        return history
    finally:
        if watchdog is not None:
            watchdog.stop()


def spreads_over(spread: Spread) -> Communicator | None:
    """Check and return the communicator of a fit on several ranks, None if there is one."""
    if spread.comm is None:
        return None
    ends_with_uncaught(spread.comm)
    comm = communicator(spread.comm)
    return None if comm.Get_size() == 1 else comm


def _is_time(timeout: object) -> bool:
    """Return whether a timeout is one; if not, `_checked` tells why, when the ranks can talk."""
    return isinstance(timeout, Real) and float(timeout) > 0


def _fit(group: Group, state: TrainingState, given: tuple[Any, ...], options: FitOptions, spread: Spread) -> History:
    def begun() -> tuple[Spread, tuple[Any, ...]]:
        return _checked(state, spread, group.size), take_fit_data(state, *given)

    spread, (data, validation) = together(group, begun)
    agree(group, early_table_of(data.n, options, spread))
    before = resumed(group, state, data.n, options, spread)
    if before.history is not None and before.ended:
        return before.history
    options = together(group, lambda: before.options_for(options, state, spread, group.rank))
    if spread.shards is None:
        with Turn(state.run, "fit"):
            state.shards = 0
            return before.whole(Fit(state, data, validation, options).run())
    shards, reduce = spread.shards, spread.reduce
    group.make_room(2 * -(-shards // group.size))
    steps = together(group, lambda: SharedSteps(state, group, shards, reduce))
    whole = together(group, lambda: Fit(state, data, validation, options))
    agree(group, table_of(state, whole, options, spread))
    return before.whole(_run(steps, whole))


def _run(steps: SharedSteps, whole: Fit) -> History:
    """Run a fit that all ranks agree on; if it fails here, the others learn of it."""
    group, state = steps.group, steps.state
    try:
        with Turn(state.run, "fit"):
            state.shares, state.shards = steps, steps.shards
            try:
                history = whole.run()
            finally:
                state.shares = None
        group.end()
    except BaseException as error:
        if not group.parted:
            group.fail(error)
        raise
    return history


def _checked(state: TrainingState, spread: Spread, size: int) -> Spread:
    """Check the arguments that spread a fit."""
    given = spread.comm is not None
    checks.one_of("reduce", spread.reduce, distributed_checks.REDUCTIONS)
    if given or spread.shards is not None:
        if isinstance(state.settings.optimizer, FullBatch):
            raise distributed_checks.mini_batches_only(state.settings.optimizer)
        if state.sums_outputs:
            raise distributed_checks.whole_batches()
        spread = spread._replace(shards=distributed_checks.shards_for(spread.shards, size, given))
    if spread.timeout is not None:
        checks.positive("timeout", spread.timeout)
    checks.integer("checkpoint_every", spread.checkpoint_every, 1)
    if spread.checkpoint is not None and not isinstance(spread.checkpoint, str | PathLike):
        raise distributed_checks.no_path(spread.checkpoint)
    if checks.boolean("resume", spread.resume) and spread.checkpoint is None:
        raise distributed_checks.needs_checkpoint()
    return spread
