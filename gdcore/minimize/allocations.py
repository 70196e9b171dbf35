"""Failed allocations inside NumPy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

UNSET = "without setting an exception", "without exception set", "NULL object passed"
"""Python's message for a C function that failed without setting an error; NumPy's do so if memory runs out."""


@contextlib.contextmanager
def memory_errors() -> Iterator[None]:
    """Raise MemoryError if one of NumPy's failed allocations has become a SystemError.

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
