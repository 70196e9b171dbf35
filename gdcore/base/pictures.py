"""Pictures are drawn by `gdcore.plot`, which stands above what it draws and is imported when a picture is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def picture(name: str) -> Callable[..., Any]:
    """The function of `gdcore.plot` with that name."""
    found: Callable[..., Any] = getattr(import_module("gdcore.plot"), name)
    return found
