"""Things passed instead of a model: each message says where the model is.

Design
------
- Classes are recognised by the module they come from, and their rooms are never imported.
"""

from __future__ import annotations

from .not_arrays import full_name, is_foreign, kind_of, library

FROM_LIBRARIES = {"sklearn": "gdcore.interop.from_sklearn", "torch": "gdcore.interop.from_torch"}
"""What makes a model of another library's."""


def received(value: object, short: str) -> str:
    """Return what was passed, for a message: the class of another library's object, or its repr `short`."""
    if isinstance(value, type):
        return f"the class {full_name(value)}"
    return kind_of(value) if is_foreign(value) else short


def where_the_model_is(value: object) -> str:
    """Return how to get the model of something that has one, as the end of a message; "" where there is none.

    Examples
    --------
    >>> where_the_model_is("net")
    ''
    """
    kind = value if isinstance(value, type) else type(value)
    if library(value) in FROM_LIBRARIES:
        return f": make one by {FROM_LIBRARIES[library(value)]}"
    if kind.__module__.startswith("gdcore.training"):
        return ": pass trainer.model" if kind.__name__ == "Trainer" else ""
    if not any(base.__module__.startswith("gdcore.sklearn") for base in kind.__mro__):
        return ""
    if "net_" in getattr(value, "__dict__", {}):
        return ": pass its model, estimator.net_"
    return ": fit an estimator, and pass its model, estimator.net_"
