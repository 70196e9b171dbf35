"""What a rank raises when another one fails."""

from __future__ import annotations

from typing import final


@final
class RankError(RuntimeError):
    """Another rank has failed, or does not do what this one does.

    Attributes
    ----------
    rank : int
        The rank that failed; the first of several.
    """

    def __init__(self, message: str, rank: int = 0) -> None:
        super().__init__(message)
        self.rank = rank
