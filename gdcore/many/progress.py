"""How many of the models are done: a tqdm bar if tqdm is installed, else a line."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any, final

from ..base.terminal import is_terminal
from ..training.progress import LINES, REFRESH, UNWRITABLE, write


@final
class Progress:
    """A context manager that is told of finished models; without models it is silent."""

    def __init__(self, n: int) -> None:
        self.n, self.done, self.shown, self.began = n, 0, 0.0, time.perf_counter()
        self.bar: Any = None
        self.terminal = is_terminal(sys.stderr)
        if n and find_spec("tqdm") and sys.stderr is not None and not sys.stderr.closed:
            with suppress(*UNWRITABLE):
                self.bar = import_module("tqdm.auto").tqdm(total=n, unit="model")

    def add(self, models: int) -> None:
        """Show that so many more models are done."""
        before, self.done = self.done, self.done + models
        if self.bar is not None:
            with suppress(*UNWRITABLE):
                self.bar.update(models)
        elif self.n:
            self._line(before)

    def _line(self, before: int) -> None:
        now = time.perf_counter()
        if self.terminal:
            if now - self.shown < REFRESH and self.done < self.n:
                return
            self.shown = now
        elif self.done * LINES // self.n == before * LINES // self.n:
            return
        left = (now - self.began) / self.done * (self.n - self.done)
        text = f"{self.done}/{self.n} models, {left:.0f} s left"
        write(f"\r{text:40}" if self.terminal else f"{text}\n")

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self.bar is not None:
            with suppress(*UNWRITABLE):
                self.bar.close()
        elif self.n and self.terminal:
            write("\n")


def silent() -> Progress:
    """Return one that shows nothing."""
    return Progress(0)
