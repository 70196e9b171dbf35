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
from .agreement import agree, table_of, together
from .communicator import Communicator, communicator
from .errors import RankError
from .group import Group, end_with_uncaught
from .resume import resumed
from .steps import SharedSteps


def fit(state: TrainingState, given: tuple[Any, ...], options: FitOptions, spread: Spread) -> History:
    """Run a fit; the arguments are those of `run_fit` in gdcore/training/fit.py.

    Raises
    ------
    RankError
        If another rank has failed.
    """
    given_comm = None if spread.comm is None else communicator(spread.comm)
    if given_comm is None or given_comm.Get_size() == 1:
        return _fit(None, state, given, options, spread)
    end_with_uncaught(given_comm)
    comm: Communicator = given_comm.Dup()  # what is sent here is not taken for the user's messages
    history = _fit(comm, state, given, options, spread)
    comm.Free()
    return history


def _fit(
    comm: Communicator | None, state: TrainingState, given: tuple[Any, ...], options: FitOptions, spread: Spread
) -> History:
    size, rank = (1, 0) if comm is None else (comm.Get_size(), comm.Get_rank())

    def begun() -> tuple[Spread, tuple[Any, ...]]:
        return _checked(state, spread, size), take_fit_data(state, *given)

    spread, (data, validation) = together(comm, begun)
    found = resumed(comm, state, data.n, options, spread)
    if found.history is not None and found.ended:
        return found.history
    options = found.options_for(options, state, spread, rank)
    state.shards = spread.shards or 0
    if spread.shards is None:
        with Turn(state.run, "fit"):
            return found.whole(Fit(state, data, validation, options).run())
    group = Group(comm, -(-spread.shards // size), spread.timeout)
    shares = together(comm, lambda: SharedSteps(state, group, spread.shards or 1, spread.reduce))
    state.shares = shares
    try:
        begins = together(comm, lambda: Fit(state, data, validation, options))
        agree(comm, table_of(state, begins, options, spread))
        if group.watchdog is not None:
            group.watchdog.start()
        try:
            with Turn(state.run, "fit"):
                history = begins.run()
            group.end()
        except RankError:
            raise
        except BaseException as error:
            group.fail(error)
            raise
        return found.whole(history)
    finally:
        state.shares = None
        if group.watchdog is not None:
            group.watchdog.stop()


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
    if checks.boolean("resume", spread.resume) and spread.checkpoint is None:
        raise distributed_checks.needs_checkpoint()
    return spread
