"""How the main thread, which alone sees Ctrl-C, stops fits of other threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import final

from ..training.callbacks import Callback
from ..training.epoch_end import EpochEnd


@final
class Halt(Callback):
    """Interrupts all fits that it is a callback of, once it is set: after an epoch, or as soon as their engine can."""

    def __init__(self) -> None:
        self._set, self._lock = False, Lock()
        self._stops: list[Callable[[], None]] = []

    def set(self) -> None:
        """Interrupt the fits."""
        with self._lock:
            self._set = True
            for stop in self._stops:
                stop()

    def is_set(self) -> bool:
        """Return whether the fits are to end."""
        return self._set

    @contextmanager
    def asking(self, stop: Callable[[], None]) -> Iterator[None]:
        """Within the block, call `stop` when this is set, or at once if it has been."""
        with self._lock:
            self._stops.append(stop)
            if self._set:
                stop()
        try:
            yield
        finally:
            with self._lock:
                self._stops.remove(stop)

    def on_epoch_end(self, state: EpochEnd) -> None:
        if self._set:
            raise KeyboardInterrupt
