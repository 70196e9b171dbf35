"""`Windows`, the parts of a stream's epochs, which are read ahead.

Design
------
- Two sets of arrays, each a window long, are filled in turns, over all epochs. A window is valid until the next but one
  is asked for.
- Where another epoch follows, its first window is read while the last one of this epoch is trained on, so that reading
  hides behind training there too. It is complete before the epoch ends: nothing is read between epochs, where a
  callback or a validation may read the same source.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from threading import Event
from typing import NamedTuple, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from .ahead import Task, ahead
from .reading import Order, Part
from .samples import Samples

T = TypeVar("T")


class Window(NamedTuple):
    """A part of an epoch in memory."""

    start: int
    """Place of its first row in the epoch."""
    data: Samples
    order: NDArray[np.int64] | None


class Early(NamedTuple):
    """The first window of an epoch, read before its time."""

    of: tuple[Order, int, int]
    """Order of the epoch, number of the window, and samples of the epoch."""
    buffer: int
    found: Window | Exception
    """An exception that reading has raised is one of its own epoch."""

    def taken(self, stop: Event) -> Window:
        """Return the window, as a task that has nothing to read."""
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


@final
class Windows:
    """The windows of a stream's epochs.

    Parameters
    ----------
    buffer : callable
        Makes the arrays of a window.
    fill : callable
        Reads a part of an epoch into them, and returns the rows.
    """

    def __init__(self, buffer: Callable[[], Samples], fill: Callable[[Samples, Part, Event], Samples]) -> None:
        self._buffer, self._fill = buffer, fill
        self._buffers: list[Samples] = []
        self._early: Early | None = None

    def ahead(
        self, order: Order, first: int, end: int, samples: int, then: Order | None
    ) -> Generator[Window, None, None]:
        """Carry out `Stream.windows`."""
        if not self._buffers:
            self._buffers = [self._buffer(), self._buffer()]
        early, self._early = self._early, None
        wanted = [(order, i) for i in range(first // order.window, -(-end // order.window))]
        if early is not None and early.of != (*wanted[0], samples):
            early = None
        turn = 0 if early is None else early.buffer
        tasks: list[Task[Window | Exception]] = [
            partial(self._window, order, i, samples, (turn + j) % 2) for j, (order, i) in enumerate(wanted)
        ]
        if early is not None:
            tasks[0] = early.taken
        turn = (turn + len(wanted)) % 2
        if then is not None:
            tasks.append(partial(_tried, partial(self._window, then, 0, samples, turn)))
        with closing(ahead(tasks)) as found:
            for _ in wanted:
                yield next(found)  # type: ignore[misc]
            if then is not None:
                self._early = Early((then, 0, samples), turn, next(found))

    def _window(self, order: Order, index: int, samples: int, buffer: int, stop: Event) -> Window:
        part = order.part(index, samples)
        return Window(part.start, self._fill(self._buffers[buffer], part, stop), part.order)


def _tried(task: Task[T], stop: Event) -> T | Exception:
    """Return what a task returns, or the exception that it raises."""
    try:
        return task(stop)
    except Exception as error:
        return error
