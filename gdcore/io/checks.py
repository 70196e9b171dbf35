"""Checks of the arguments of saving and loading."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..base.checks import short


def path(value: object) -> str:
    """Check and return a file's name as text."""
    if not isinstance(value, str | bytes | os.PathLike):
        raise TypeError(f"path must be a file's name, such as 'model.gdc', got {short(value)}: pass its name")
    name = os.fsdecode(value)
    if not name:
        raise ValueError("path must be a file's name, such as 'model.gdc', got ''")
    return name


def custom(value: object) -> dict[str, Any]:
    """Check and return the names of the user's own functions and classes."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"custom must be a dict, such as {{'my_loss': my_loss}}, got {short(value)}")
    for name, function in value.items():
        if not isinstance(name, str):
            raise TypeError(f"custom must have names that are texts, got {short(name)}")
        if not callable(function):
            raise TypeError(f"custom[{name!r}] must be a function or a class, got {short(function)}")
    return dict(value)


def history(value: object, kind: str) -> None:
    """Check that a history is one, and is saved with a trainer."""
    from ..training import History

    if not isinstance(value, History):
        raise TypeError(f"history must be a History, as fit returns it, got {short(value)}")
    if kind != "trainer":
        raise TypeError(f"history is saved with a trainer, not with a {kind}: save it as a file of its own")
