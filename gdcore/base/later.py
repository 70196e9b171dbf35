"""Rooms that functions of lower rooms import when they are called, such as `gdcore.plot` for `History.plot`.

Design
------
- A room imports only rooms below it. The calls of `later` are the exceptions: they go up, and
  tests/base/test_structure.py lists each with its reason. They happen when a method runs, never while a module is
  imported, so a picture or a file costs nothing before it is asked for.
- The package, which stands above all rooms, says here how each of them is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_rooms: dict[str, Callable[[], object]] = {}


def provide(room: str, imports: Callable[[], object]) -> None:
    """Note how a room is imported: a function without arguments that returns its module."""
    _rooms[room] = imports


def later(room: str, name: str) -> Callable[..., Any]:
    """Return a function of a room, which is imported if it has not been.

    Examples
    --------
    >>> import gdcore
    >>> later("plot", "losses") is gdcore.plot.losses
    True
    """
    found: Callable[..., Any] = getattr(_rooms[room](), name)
    return found
