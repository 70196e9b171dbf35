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

from ..training.fit import Fit
from ..training.fit_options import FitOptions, Spread
from ..training.history import History
from ..training.state import TrainingState
from ..training.turn import turn
from ..training.validation import take_fit_data
from .agreement import agree, early_table_of, table_of, together
from .group import Group
from .resume import resumed
from .shared import checked, on_ranks, shared
from .steps import SharedSteps


def fit(state: TrainingState, given: tuple[Any, ...], options: FitOptions, spread: Spread) -> History:
    """Run a fit; the arguments are those of `run_fit` in gdcore/training/fit.py.

    Raises
    ------
    RankError
        If another rank has failed.
    """
    return on_ranks(spread, lambda group: _fit(group, state, given, options, spread))


def _fit(group: Group, state: TrainingState, given: tuple[Any, ...], options: FitOptions, spread: Spread) -> History:
    def begun() -> tuple[Spread, tuple[Any, ...]]:
        return checked(state, spread, group.size), take_fit_data(state, *given)

    spread, (data, validation) = together(group, begun)
    agree(group, early_table_of(data.n, options, spread))
    before = resumed(group, state, data.n, options, spread)
    if before.history is not None and before.ended:
        return before.history
    options = together(group, lambda: before.options_for(options, state, spread, group.rank))
    if spread.shards is None:
        with turn(state.run, "fit"):
            state.shards = 0
            return before.whole(Fit(state, data, validation, options).run())
    shards, reduce = spread.shards, spread.reduce
    group.make_room(2 * -(-shards // group.size))
    steps = together(group, lambda: SharedSteps(state, group, shards, reduce))
    whole = together(group, lambda: Fit(state, data, validation, options))
    agree(group, table_of(state, whole, options, spread))
    return before.whole(shared(steps, "fit", whole.run))
