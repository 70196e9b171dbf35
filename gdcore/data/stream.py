"""`Stream`, a source checked against a model and a loss: what a fit takes in place of samples in memory.

Design
------
- A source of which a window holds all rows is read once, and taken as samples in memory: `take_source` says so. All
  else (bits, metrics, hints, criteria) is then that of arrays. A `Stream` is a source that is larger.
- Every block passes the checks of `take_samples`, in the reading thread; an error names the file and the row.
- Weights count relative to their mean over all rows, and "balanced" class weights follow from all labels. So a pass
  over the weights, and one over the labels, come before training; X is not read for them where a source knows how.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from functools import partial
from threading import Event
from typing import Any, NoReturn, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from ..layers.stack import Stack
from ..losses import CustomLoss, Loss
from . import checks as data_checks
from . import source_checks
from .ahead import ahead
from .class_weight import ClassSums, class_sums, with_factors
from .reading import Order, Part, cut
from .samples import Inputs, Samples, Source, inputs_of, take_samples, with_targets
from .windows import Window, Windows

T = TypeVar("T")

HEAD = 4096
"""Where a few samples will do, for hints and warnings, the first rows are taken, at most so many."""


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
    factors : mapping, optional
        Class -> factor on the sample weights in the loss.

    Attributes
    ----------
    n : int
        Number of rows.
    head : Samples
        The first rows.
    mean_weight : float or None
        Mean over all rows; None if there are no weights.
    """

    def __init__(
        self,
        source: Source,
        stack: Stack,
        loss: Loss | CustomLoss,
        size: int = 1,
        factors: Mapping[int, float] | None = None,
    ) -> None:
        self.source, self.stack, self.loss, self.n = source, stack, loss, source.n_samples
        self.size, self.factors = size, factors
        reading = source.reading
        self.block, self.window = reading.block_rows, max(1, reading.window_rows // size) * size
        self.head = self.take(0, min(self.n, self.block, HEAD))
        self.mean_weight = None if self.head.weight is None else self._total_weight() / self.n
        self._windows = Windows(self._buffer, source.read_pieces, self._fill)

    def with_factors(self, factors: Mapping[int, float]) -> Stream:
        """Return the stream whose classes have these factors on their weights."""
        return Stream(self.source, self.stack, self.loss, self.size, factors)

    def class_sums(self) -> ClassSums:
        """Read targets and weights of all rows, and return the sum of the weights of each class."""
        n_out = self.stack.out_features
        found = class_sums(self.head, self.loss, n_out)  # which refuses targets that are no classes
        found = found._replace(weight=np.zeros_like(found.weight))
        for part in self._unread():
            found = found.joined(class_sums(part, self.loss, n_out))
        return found

    def _total_weight(self) -> float:
        """Read the weights of all rows, and return their sum, which is fit to divide by."""
        total = 0.0
        if self.factors is None:
            for first, end in cut(0, self.n, self.block):
                total += float(self._weights(first, end).sum(dtype=np.float64))
            try:
                data_checks.weighs_something(total > 0)
                data_checks.sum_in_range("sample_weight", total)
            except ValueError as error:
                located(self.source, 0, error)
            return total
        for part in self._unread():
            assert part.weight is not None  # as there are factors
            total += float(part.weight.sum(dtype=np.float64))
        data_checks.some_weight(total > 0)
        data_checks.sum_in_range("class_weight", total)
        return total

    def _weights(self, first: int, end: int) -> NDArray[Any]:
        """Read and check the weights of rows first … end - 1; the source has some."""
        try:
            return data_checks.weights_of_rows(self.source.read_weights(first, end), end - first, self.stack.dtype)
        except (TypeError, ValueError) as error:
            located(self.source, first, error)

    def _unread(self) -> Generator[Samples, None, None]:
        """Yield targets and weights of all rows, block by block, with no columns of X."""
        n_out, dtype = self.stack.out_features, self.stack.dtype
        for first, end in cut(0, self.n, self.block):
            X = np.empty((end - first, 0), dtype)
            try:
                data = with_targets(X, self.source.read_targets(first, end), None, self.loss, n_out, dtype)
                yield self._weighted(data, first)
            except (TypeError, ValueError) as error:
                located(self.source, first, error)

    def _weighted(self, data: Samples, first: int) -> Samples:
        """Return the samples, which begin at row `first`, with the weights of the source and of classes."""
        weight = self.source.read_weights(first, first + data.n)
        if weight is not None:
            if not isinstance(self.loss, Loss):
                data_checks.no_weight(weight)
            weight = data_checks.weights_of_rows(weight, data.n, self.stack.dtype)
            data = data._replace(weight=weight, sample_weight=weight)
        if self.factors is None:
            return data
        return with_factors(data, self.factors, self.loss, self.stack.out_features)

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
            return self._weighted(take_samples(self.stack, X, y, None, self.loss), first)
        except (TypeError, ValueError) as error:
            located(self.source, first, error)

    def blocks(self) -> Generator[Samples, None, None]:
        """Yield all rows in their own order, block by block."""
        return ahead([partial(self._block, first, end) for first, end in cut(0, self.n, self.block)])

    def windows(
        self, order: Order, first: int, end: int, samples: int, then: Order | None = None
    ) -> Generator[Window, None, None]:
        """Yield the windows of an epoch over `samples` of the rows that hold its places first … end - 1.

        The first window in the order `then`, that of the epoch that follows, is read too, and kept for it.
        """
        return self._windows.ahead(order, first, end, samples, then)

    def _block(self, first: int, end: int, stop: Event) -> Samples:
        return self.take(first, end)

    def _fill(self, buffer: Samples, part: Part, found: Generator[tuple[Any, Any], None, None], stop: Event) -> Samples:
        """Write the pieces of a window into a set of arrays, as they are found, and return it."""
        at = 0
        for first, end in part.pieces:
            if stop.is_set():
                break
            here = buffer.rows(at, at + end - first)
            data = self._checked(*next(found), first)
            source_checks.kind_of_targets((data.labels is None) == (here.labels is None))
            for array, values in zip(here, data, strict=True):
                if array is not None and values is not None and not np.may_share_memory(array, values):
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
        return take_samples(stack, X, y, source.read_weights(0, n), loss)
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

    Messages about data begin with the argument's name, X, y or sample_weight, and say "row" before a row's number.
    """
    message = str(error)
    found = re.search(r"\brow (\d+)", message)
    of = "weight" if message.startswith("sample_weight") else "y" if message.startswith("y") else "X"
    name, row = source.place(first + int(found[1]) if found else first, of)
    if found:
        message = f"{message[: found.start(1)]}{row}{message[found.end(1) :]}"
    raise type(error)(f"{name}: {message}") from None
