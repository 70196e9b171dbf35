"""Access to `gdcore.plot`, which imports what it draws and so is imported only when a picture is needed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def picture(name: str) -> Callable[..., Any]:
    """Return the function of `gdcore.plot` with that name."""
    found: Callable[..., Any] = getattr(import_module("gdcore.plot"), name)
    return found
