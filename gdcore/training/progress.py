"""A fit's progress: a tqdm bar if tqdm is installed, else a plain line."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from math import isnan
from typing import Any, final

from ..base.terminal import is_terminal
from .callbacks import Callback
from .epoch_end import EpochEnd
from .history import History

LINES = 10
"""Number of lines that a fit writes into a log."""
REFRESH = 0.1
"""Seconds between two updates of a terminal's line."""
UNWRITABLE = OSError, ValueError
"""Exceptions of a stream that is full or closed."""


def progress() -> Callback:
    """Return a callback that shows the epochs run, the losses, the rate and the seconds left on standard error."""
    return Bar() if find_spec("tqdm") and sys.stderr is not None and not sys.stderr.closed else Line()


@final
class Bar(Callback):
    """A tqdm bar, in a notebook too."""

    def __init__(self) -> None:
        self.bar: Any = None

    def on_fit_begin(self, epochs: int) -> None:
        with suppress(*UNWRITABLE):
            self.bar = import_module("tqdm.auto").tqdm(total=epochs, unit="epoch")

    def on_epoch_end(self, state: EpochEnd) -> None:
        if self.bar is not None:
            with suppress(*UNWRITABLE):
                self.bar.set_postfix_str(numbers(state), refresh=False)
                self.bar.update()

    def on_fit_end(self, history: History) -> None:
        if self.bar is not None:
            with suppress(*UNWRITABLE):
                self.bar.close()


@final
class Line(Callback):
    """One line, rewritten in a terminal; in a log or file, a new line after each tenth of the epochs."""

    def __init__(self) -> None:
        self.terminal = is_terminal(sys.stderr)
        self.shown = 0.0
        self.width = 0

    def on_epoch_end(self, state: EpochEnd) -> None:
        done = state.epoch + 1
        if self.terminal:
            now = time.perf_counter()
            due = now - self.shown >= REFRESH or done == state.epochs
            self.shown = now if due else self.shown
        else:
            due = done * LINES // state.epochs > state.epoch * LINES // state.epochs
        if not due:
            return
        left = state.seconds / done * (state.epochs - done)
        text = f"{done}/{state.epochs} epochs, {numbers(state)}, {left:.0f} s left"
        if self.terminal:
            write("\r" + text.ljust(self.width))
            self.width = len(text)
        else:
            write(text + "\n")

    def on_fit_end(self, history: History) -> None:
        write("\n" * bool(self.width) + history.stop_reason + "\n")


def write(text: str) -> None:
    """Write to standard error if possible; a closed or full stream must not end training."""
    if sys.stderr is not None:
        with suppress(*UNWRITABLE):
            sys.stderr.write(text)
            sys.stderr.flush()


def numbers(state: EpochEnd) -> str:
    """Return the watched values and, if there is one, the rate."""
    shown = dict(state.values)
    if not isnan(state.learning_rate):
        shown["rate"] = state.learning_rate
    return ", ".join(f"{name} {value:.4g}" for name, value in shown.items())
