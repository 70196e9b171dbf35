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

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from functools import partial
from threading import Event
from typing import Any, NamedTuple, TypeVar, final

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


Pieces = Iterable[tuple[int, int, NDArray[Any]]]
"""First row and end of pieces of a source, and the array for each."""
Found = Generator[tuple[Any, Any], None, None]
"""X and y of each piece."""


@final
class Windows:
    """The windows of a stream's epochs.

    Parameters
    ----------
    buffer : callable
        Makes the arrays of a window.
    read : callable
        Reads pieces, one after the other: the pieces of all windows of an epoch, so that a source may read ahead from
        one window to the next.
    fill : callable
        Checks pieces that are found and writes them into the arrays of a window, and returns its rows.
    """

    def __init__(
        self,
        buffer: Callable[[], Samples],
        read: Callable[[Pieces], Found],
        fill: Callable[[Samples, Part, Found, Event], Samples],
    ) -> None:
        self._buffer, self._read, self._fill = buffer, read, fill
        self._buffers: list[Samples] = []
        self._early: Early | None = None

    def ahead(
        self, order: Order, first: int, end: int, samples: int, then: Order | None
    ) -> Generator[Window, None, None]:
        """Carry out `Stream.windows`."""
        if not self._buffers:
            self._buffers = [self._buffer(), self._buffer()]
        early, self._early = self._early, None
        wanted = range(first // order.window, -(-end // order.window))
        if early is not None and early.of != (order, wanted[0], samples):
            early = None
        turn = 0 if early is None else early.buffer
        last = (turn + len(wanted)) % 2
        places = [_Place(order, index, samples, (turn + i) % 2) for i, index in enumerate(wanted)]
        if then is not None:
            places.append(_Place(then, 0, samples, last))
        with closing(ahead(self._tasks(places, early, then is not None))) as found:
            for _ in wanted:
                yield next(found)  # type: ignore[misc]
            if then is not None:
                self._early = Early((then, 0, samples), last, next(found))

    def _tasks(
        self, places: list[_Place], early: Early | None, tries_last: bool
    ) -> Generator[Task[Window | Exception], None, None]:
        """Yield what reads each window, of which the first may have been read."""
        if early is not None:
            yield early.taken
            places = places[1:]
        with closing(self._read(self._pieces(places))) as found:
            for place in places:
                read = partial(self._window, place, found)
                yield partial(_tried, read) if tries_last and place is places[-1] else read

    def _pieces(self, places: list[_Place]) -> Generator[tuple[int, int, NDArray[Any]], None, None]:
        for order, index, samples, buffer in places:
            at, X = 0, self._buffers[buffer].X
            for first, end in order.pieces(index, samples):
                yield first, end, X[at : at + end - first]
                at += end - first

    def _window(self, place: _Place, found: Found, stop: Event) -> Window:
        part = place.order.part(place.number, place.samples)
        return Window(part.start, self._fill(self._buffers[place.buffer], part, found, stop), part.order)


class _Place(NamedTuple):
    """A window of an epoch over so many samples, and the arrays that hold it."""

    order: Order
    number: int
    samples: int
    buffer: int


def _tried(task: Task[T], stop: Event) -> T | Exception:
    """Return what a task returns, or the exception that it raises."""
    try:
        return task(stop)
    except Exception as error:
        return error
