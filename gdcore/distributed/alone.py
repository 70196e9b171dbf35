"""The communicator of a process that is alone."""

from __future__ import annotations

from typing import Any, NoReturn, final


@final
class Alone:
    """What is asked of a communicator, answered for a single process; it never sends a message."""

    def Get_rank(self) -> int:
        """Return 0."""
        return 0

    def Get_size(self) -> int:
        """Return 1."""
        return 1

    def Dup(self) -> Alone:
        """Return the communicator of this process."""
        return self

    def Free(self) -> None:
        """Keep the communicator: nothing was made for it."""

    def Split(self, color: int = 0, key: int = 0) -> Alone:
        """Return the communicator of this process."""
        return self

    def bcast(self, value: Any, root: int = 0) -> Any:
        """Return the value."""
        return value

    def allgather(self, value: Any) -> list[Any]:
        """Return the values of all processes."""
        return [value]

    def Bcast(self, buffer: Any, root: int = 0) -> None:
        """Leave the buffer as it is."""

    def Abort(self, code: int = 1) -> NoReturn:
        """End the process."""
        raise SystemExit(code)
