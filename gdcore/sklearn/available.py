"""Methods that an estimator has only with some of its parameters: `hasattr` knows, and the error says why."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import MethodType
from typing import Any, final


@final
class Available:
    """A method that is there if a check passes.

    In scikit-learn's `available_if` the reason stands only in the error's cause, above the last line of a traceback.

    Parameters
    ----------
    method : callable
    check : callable
        Takes the estimator; raises AttributeError with the reason.
    """

    def __init__(self, method: Callable[..., Any], check: Callable[[Any], object]) -> None:
        self.method, self.check = method, check
        self.__doc__ = method.__doc__

    def __get__(self, est: Any, owner: type | None = None) -> Callable[..., Any]:
        if est is not None:
            self._look(est)
            return MethodType(self.method, est)

        @functools.wraps(self.method)
        def called(est: Any, *args: Any, **options: Any) -> Any:
            self._look(est)
            return self.method(est, *args, **options)

        return called

    def _look(self, est: Any) -> None:
        try:
            self.check(est)
        except AttributeError as error:
            name = self.method.__name__
            raise AttributeError(f"This {type(est).__name__!r} has no attribute {name!r}: {error}") from error


def available(check: Callable[[Any], object]) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator for methods that are there if a check passes.

    Examples
    --------
    >>> def even(est):
    ...     if est.n % 2:
    ...         raise AttributeError(f"n={est.n} is odd")
    >>> class Half:
    ...     def __init__(self, n):
    ...         self.n = n
    ...
    ...     @available(even)
    ...     def half(self):
    ...         return self.n // 2
    >>> Half(4).half(), hasattr(Half(3), "half")
    (2, False)
    """
    return lambda method: Available(method, check)
