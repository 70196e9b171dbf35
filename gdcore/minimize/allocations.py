"""Allocations that fail inside NumPy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

UNSET = "without setting an exception", "without exception set", "NULL object passed"
"""What Python says of a function in C that has failed and has not said why; NumPy's do so where memory is lacking."""


@contextlib.contextmanager
def memory_errors() -> Iterator[None]:
    """Raise MemoryError where NumPy's failed allocations have become a SystemError.

    Examples
    --------
    >>> with memory_errors():
    ...     raise SystemError("<ufunc 'matmul'> returned NULL without setting an exception")
    Traceback (most recent call last):
    MemoryError: an allocation failed: <ufunc 'matmul'> returned NULL without setting an exception
    """
    try:
        yield
    except SystemError as error:
        if not any(words in str(error) for words in UNSET):
            raise
        raise MemoryError(f"an allocation failed: {error}") from error
