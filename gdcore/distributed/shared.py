"""What calls that several ranks share have in common: how they begin, how they end, and what is checked."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from os import PathLike
from typing import Protocol, TypeVar

from ..base import checks
from ..optimizers.full_batch import FullBatch
from ..training.fit_options import Spread
from ..training.state import Shares, TrainingState
from ..training.turn import turn
from . import checks as distributed_checks
from .communicator import Communicator, communicator
from .group import Group
from .leaving import begins, ends_with_uncaught
from .watchdog import Watchdog

T = TypeVar("T")


def on_ranks(spread: Spread, call: Callable[[Group], T]) -> T:
    """Call a function with the ranks of a communicator, which all come here, or with this process alone.

    Raises
    ------
    RankError
        If another rank has failed.
    """
    if spread.comm is None:
        return call(Group(None, None))
    ends_with_uncaught(spread.comm)
    comm = communicator(spread.comm)
    if comm.Get_size() == 1:
        return call(Group(None, None))
    watchdog = Watchdog(comm, spread.timeout) if is_time(spread.timeout) else None
    try:
        if watchdog is not None:
            watchdog.waits("begins a fit")
        begins(comm)
        own: Communicator = comm.Dup()  # what is sent here is not taken for the user's messages
        try:
            found = call(Group(own, watchdog))
        except Exception:  # of which all ranks know
            own.Free()
            raise
        own.Free()
        return found
    finally:
        if watchdog is not None:
            watchdog.stop()


def is_time(timeout: object) -> bool:
    """Return whether a timeout is one; if not, `checked` tells why, when the ranks can talk."""
    return isinstance(timeout, Real) and float(timeout) > 0


class Made(Shares, Protocol):
    """How the steps of a call are made on which ranks agree."""

    group: Group
    state: TrainingState
    shards: int


def shared(steps: Made, name: str, call: Callable[[], T]) -> T:
    """Call a function that makes these steps, on which all ranks agree; if it fails here, the others learn of it."""
    group, state = steps.group, steps.state

    def run() -> T:
        with turn(state.run, name):
            state.shares, state.shards = steps, steps.shards
            try:
                found = call()
            finally:
                state.shares = None
        group.end()
        return found

    return fails_with_others(group, run)


def fails_with_others(group: Group, call: Callable[[], T]) -> T:
    """Call a function on every rank; if it fails on this one alone, the others learn of it."""
    try:
        return call()
    except BaseException as error:
        if not group.parted:
            group.fail(error)
        raise


def checked(state: TrainingState, spread: Spread, size: int) -> Spread:
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
