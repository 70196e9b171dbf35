"""The largest of a sequence's more recent values."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import final

FORGOTTEN = 10
"""The first of every this many values so far is forgotten: the oldest tenth."""


@final
class RecentLargest:
    """The largest of all values so far but the first tenth.

    It is the scale of the gradients of a descent: a steep start far from the minimum does not set it for good.

    Examples
    --------
    >>> recent = RecentLargest()
    >>> [recent.add(value) for value in (9.0, 5.0, 6.0)]
    [9.0, 9.0, 9.0]
    >>> [recent.add(1.0) for _ in range(9)][-2:]
    [6.0, 6.0]
    """

    def __init__(self, count: int = 0, falling: Iterable[tuple[int, float]] = ()) -> None:
        self.count = count
        self.falling = deque(falling)
        """(index, value) of each value that no later one has reached: the first is the largest."""

    def add(self, value: float) -> float:
        """Add a value and return the largest."""
        while self.falling and self.falling[-1][1] <= value:
            self.falling.pop()
        self.falling.append((self.count, value))
        while self.falling[0][0] < self.count // FORGOTTEN:
            self.falling.popleft()
        self.count += 1
        return self.falling[0][1]
