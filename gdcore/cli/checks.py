"""Checks of the command line's arguments; each error says what to do."""

from __future__ import annotations

from typing import Any

from ..base.checks import short
from ..base.not_arrays import full_name


def call_arguments(name: str, value: object, counts: tuple[int, ...]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Check and return a tuple of one of these lengths, and the dict of options that may end it."""
    items = value if isinstance(value, tuple) else ()
    options = items[-1] if items and isinstance(items[-1], dict) else {}
    arguments = items[:-1] if options else items
    if len(arguments) not in counts:
        received = f"a tuple of {len(items)}" if isinstance(value, tuple) else full_name(type(value))
        raise TypeError(
            f"{name} must be a GradientReport, (model, X, y, loss) or (fun, grad, x), or a function that returns one, "
            f"got {received}"
        )
    if len(arguments) == 3 and not callable(arguments[0]):
        raise TypeError(
            f"{name} is a tuple of three, which must be (fun, grad, x) with a function first, "
            f"got {short(arguments[0])} first: a model needs four, (model, X, y, loss)"
        )
    return arguments, options
