"""Access to `gdcore.io`, which imports what it saves and so is imported only when something is saved or loaded."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def file_function(name: str) -> Callable[..., Any]:
    """Return the function of `gdcore.io` with that name."""
    found: Callable[..., Any] = getattr(import_module("gdcore.io"), name)
    return found
