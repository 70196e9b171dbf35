"""Turns: a trainer does one thing at a time, for one thread.

Design
------
- The turn is an entry of a dict that the kernels read. `dict.setdefault` takes it in one atomic call. The entry is a
  weak reference to a mark that the `with` statement holds, so no exception can leave a turn taken, not even a signal's
  in the very line that begins or ends it.
- A step and a copy are short, so other threads wait for them. Nobody waits for an epoch or a fit: a callback that waits
  for a thread that waits for the fit would wait for ever.
- Steps of several threads with arrays that need no conversion take no turn. The network's lock makes them wait for one
  another, and once a turn begins they take the longer path, which leads here.
"""

from __future__ import annotations

import os
import sys
import time
import weakref
from threading import get_ident
from types import TracebackType
from typing import TYPE_CHECKING, Any, final

from . import checks as training_checks

if TYPE_CHECKING:
    from .._kernels.base_float64 import Training

KEY = "turn"
SHORT = ("step", "save", "state_dict", "load_state_dict", "sum_outputs")
PAUSE = 1e-4
"""Seconds to wait before looking again whether another thread's turn is over."""


@final
class Mark:
    """The holder of a turn: its thread, process and call. It lives as long as the turn."""

    __slots__ = ("__weakref__", "call", "process", "thread")

    def __init__(self, call: str) -> None:
        self.call, self.thread, self.process = call, get_ident(), os.getpid()


@final
class Turn:
    """A context manager that holds a turn.

    Raises
    ------
    RuntimeError
        Within another call of the same trainer, and while another thread is in an epoch or a fit.
    """

    def __init__(self, run: Training, call: str) -> None:
        self.run = run
        self.mark: Mark | None = Mark(call)
        self.entry: weakref.ref[Mark] = weakref.ref(self.mark)

    def __enter__(self) -> None:
        try:
            while (held := self.run.turns.setdefault(KEY, self.entry)) is not self.entry:
                self._wait_for(held)
        except BaseException:
            self.mark = None  # a traceback that someone keeps must not hold the turn
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.run.turns.pop(KEY, None)
        self.mark = None

    def _wait_for(self, held: weakref.ref[Mark]) -> None:
        mine, other = self.mark, held()
        if mine is None or other is None or other.process != mine.process:  # its holder is gone, or before a fork
            if self.run.turns.get(KEY) is held:
                self.run.turns.pop(KEY, None)
            return
        training_checks.own_turn(mine.call, other.call, other.thread == mine.thread)
        if other.call not in SHORT:
            raise training_checks.other_thread(mine.call, other.call)
        time.sleep(PAUSE)


def wait_for_steps(run: Training) -> None:
    """Wait, with the turn taken, until no other living thread (after a fork) is in a step that began before."""
    while (thread := run.running) not in (0, get_ident()) and thread in sys._current_frames():
        time.sleep(PAUSE)


def mine(run: Training) -> bool:
    """Return whether this thread holds the turn, in an outer call."""
    held: Any = run.turns.get(KEY)
    mark = None if held is None else held()
    return mark is not None and mark.thread == get_ident() and mark.process == os.getpid()
