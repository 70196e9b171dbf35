"""Rooms that methods of lower rooms open when they are called, such as `gdcore.plot` for `History.plot`.

Design
------
- A room imports only rooms below it. The package, which stands above all, says here how these rooms are imported. So a
  picture or a file costs nothing before it is asked for, and no room imports one above it.
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
