"""`Stream`, a source checked against a model and a loss: what a fit takes in place of samples in memory.

Design
------
- A source of which a window holds all rows is read once, and taken as samples in memory: `take_source` says so. All
  else (bits, metrics, hints, criteria) is then that of arrays. A `Stream` is a source that is larger.
- Every block passes the checks of `take_samples`, in the reading thread; an error names the file and the row.
- Two sets of arrays, each a window long, are filled in turns, over all epochs. A window is valid until the next but one
  is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from functools import partial
from threading import Event
from typing import Any, NamedTuple, NoReturn, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from ..layers.stack import Stack
from ..losses import CustomLoss, Loss
from . import source_checks
from .ahead import ahead
from .reading import Order, Part, cut
from .samples import Inputs, Samples, Source, inputs_of, take_samples

T = TypeVar("T")

HEAD = 4096
"""Where a few samples will do, for hints and warnings, the first rows are taken, at most so many."""


class Window(NamedTuple):
    """A part of an epoch in memory."""

    start: int
    """Place of its first row in the epoch."""
    data: Samples
    order: NDArray[np.int64] | None


@final
class Stream:
    """A source larger than a window, for one model and loss.

    Parameters
    ----------
    source : Source
    stack : Stack
    loss : Loss or callable
    size : int, default 1
        Rows of a step; a window has a multiple of them.

    Attributes
    ----------
    n : int
        Number of rows.
    head : Samples
        The first rows.
    """

    def __init__(self, source: Source, stack: Stack, loss: Loss | CustomLoss, size: int = 1) -> None:
        self.source, self.stack, self.loss, self.n = source, stack, loss, source.n_samples
        reading = source.reading
        self.block, self.window = reading.block_rows, max(1, reading.window_rows // size) * size
        self.head = self.take(0, min(self.n, self.block, HEAD))
        self._buffers: list[Samples] = []

    def take(self, first: int, end: int) -> Samples:
        """Read and check rows first … end - 1.

        Raises
        ------
        TypeError, ValueError
            Naming the file and, where one entry is wrong, its row.
        """
        return self._checked(*self.source.read(first, end), first)

    def _checked(self, X: Any, y: Any, first: int) -> Samples:
        source_checks.targets_given(y)
        try:
            return take_samples(self.stack, X, y, None, self.loss)
        except (TypeError, ValueError) as error:
            located(self.source, first, error)

    def blocks(self) -> Generator[Samples, None, None]:
        """Yield all rows in their own order, block by block."""
        return ahead([partial(self._block, first, end) for first, end in cut(0, self.n, self.block)])

    def windows(self, order: Order, first: int, end: int, samples: int) -> Generator[Window, None, None]:
        """Yield the windows of an epoch over `samples` of the rows that hold its places first … end - 1."""
        if not self._buffers:
            self._buffers = [self._buffer(), self._buffer()]
        indices = range(first // order.window, -(-end // order.window))
        return ahead([partial(self._window, order, i, samples) for i in indices])

    def _block(self, first: int, end: int, stop: Event) -> Samples:
        return self.take(first, end)

    def _window(self, order: Order, index: int, samples: int, stop: Event) -> Window:
        part = order.part(index, samples)
        return Window(part.start, self._fill(self._buffers[index % 2], part, stop), part.order)

    def _fill(self, buffer: Samples, part: Part, stop: Event) -> Samples:
        """Read the pieces of a window into a set of arrays, and return it."""
        at = 0
        for first, end in part.pieces:
            if stop.is_set():
                break
            here = buffer.rows(at, at + end - first)
            found = self._checked(*self.source.read_into(first, end, here.X), first)
            source_checks.kind_of_targets((found.labels is None) == (here.labels is None))
            for array, values in zip(here, found, strict=True):
                if array is not None and values is not None and array is not values:
                    array[...] = values
            at += end - first
        return buffer.rows(0, at)

    def _buffer(self) -> Samples:
        """Return arrays for a window, like those of the first rows."""
        rows = min(self.window, self.n)

        def like(array: Any) -> Any:
            return None if array is None else np.empty((rows, *array.shape[1:]), array.dtype)

        X, target, labels, weight, y, _ = self.head
        custom = target is None and labels is None
        return Samples(like(X), like(target), like(labels), like(weight), like(y) if custom else None, None)


Data = Samples | Stream
"""What is trained from or measured: samples in memory, or a stream."""


def take_source(source: Source, stack: Stack, loss: Loss | CustomLoss, size: int = 1) -> Data:
    """Return a source as samples in memory, if a window holds them, or else as a stream.

    Parameters
    ----------
    source : Source
    stack : Stack
    loss : Loss or callable
    size : int, default 1
        Rows of a step.

    Raises
    ------
    TypeError, ValueError
        For what does not fit the model and the loss.
    """
    n, reading = source.n_samples, source.reading
    if n > max(reading.window_rows, size):
        return Stream(source, stack, loss, size)
    X, y = source.read(0, n)
    source_checks.targets_given(y)
    try:
        return take_samples(stack, X, y, None, loss)
    except (TypeError, ValueError) as error:
        located(source, 0, error)


def input_blocks(source: Source, stack: Stack) -> Generator[Inputs, None, None]:
    """Yield the inputs of all rows in the stack's precision, block by block."""
    return raw_blocks(source, partial(inputs_of, stack))


def raw_blocks(source: Source, made: Callable[[Any], T]) -> Generator[T, None, None]:
    """Yield what a function, which runs in the reading thread, makes of the inputs of all rows, block by block."""

    def block(first: int, end: int, stop: Event) -> T:
        try:
            return made(source.read(first, end)[0])
        except (TypeError, ValueError) as error:
            located(source, first, error)

    return ahead([partial(block, first, end) for first, end in cut(0, source.n_samples, source.reading.block_rows)])


def located(source: Source, first: int, error: Exception) -> NoReturn:
    """Raise the error about rows of a block that begins at row `first` again, with file and row.

    Messages about data begin with the argument's name, X or y, and say "row" before a row's number.
    """
    message = str(error)
    found = re.search(r"\brow (\d+)", message)
    name, row = source.place(first + int(found[1]) if found else first, "y" if message.startswith("y") else "X")
    if found:
        message = f"{message[: found.start(1)]}{row}{message[found.end(1) :]}"
    raise type(error)(f"{name}: {message}") from None
