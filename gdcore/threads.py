"""How many threads the kernels use."""

from __future__ import annotations

from . import checks

_count = 1


def get_num_threads() -> int:
    """Threads that large products are split over."""
    return _count


def set_num_threads(n: int) -> None:
    """Set the number of threads."""
    global _count
    _count = checks.integer("n", n, 1, 1024)
