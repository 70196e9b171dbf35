"""Turns: a trainer does one thing at a time, for one thread.

Design
------
- The kernels hold a turn (src/training/turn.pxi). Here is what a call does while another one has it.
- A step and a copy are short, so other threads wait for them. Nobody waits for an epoch or a fit: a callback that waits
  for a thread that waits for the fit would wait for ever.
- Steps of several threads with arrays that need no conversion take no turn. The network's lock makes them wait for one
  another, and once a turn begins they take the longer path, which leads here.
"""

from __future__ import annotations

import sys
import time
from threading import get_ident
from typing import TYPE_CHECKING

from . import checks as training_checks

if TYPE_CHECKING:
    from .._kernels.base_float64 import Training, Turn

SHORT = ("step", "save", "state_dict", "load_state_dict", "sum_outputs")
PAUSE = 1e-4
"""Seconds to wait before looking again whether another thread's turn is over."""


def turn(run: Training, call: str) -> Turn:
    """Return a context manager that holds the turn of a training for a call.

    Entering it raises a RuntimeError within another call of the same trainer, and while another thread is in an epoch
    or a fit.
    """
    return run.turn(call, _settle)


def _settle(mine: str, other: str, same_thread: bool) -> None:
    """Wait a moment for another call's turn to end, or refuse this call."""
    training_checks.own_turn(mine, other, same_thread)
    if other not in SHORT:
        raise training_checks.other_thread(mine, other)
    time.sleep(PAUSE)


def wait_for_steps(run: Training) -> None:
    """Wait, with the turn taken, until no other living thread (after a fork) is in a step that began before."""
    while (thread := run.running) not in (0, get_ident()) and thread in sys._current_frames():
        time.sleep(PAUSE)
