"""When a loss or another value has diverged."""

from __future__ import annotations

GROWN = 2.0
"""A value that exceeds the first one and this multiple of the lowest one has diverged."""


def has_grown(first: float, last: float, lowest: float) -> bool:
    """Return whether the last of several values is above the first, and far above the lowest.

    Examples
    --------
    >>> has_grown(1.0, 1.5, 0.5), has_grown(1.0, 0.9, 0.1)
    (True, False)
    """
    return last > first and last - lowest > (GROWN - 1) * abs(lowest)
