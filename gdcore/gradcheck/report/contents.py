"""What a report of a gradient check holds, for those who make its parts and those who show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, final

from numpy.typing import NDArray

from ..slopes.entries import Block, Entries


@final
@dataclass(frozen=True)
class Part:
    """A separately checked part of the objective: the data loss, a penalty, the float32 gradient.

    Attributes
    ----------
    name : str
    verdict : {"pass", "fail", "inconclusive"}
    checked : int
        Number of entries compared.
    worst : str
        The entry with the largest error relative to its bound.
    error, bound : float
        Its error, and the largest error allowed.
    """

    name: str
    verdict: str
    checked: int
    worst: str
    error: float
    bound: float


class Contents(Protocol):
    """What is shown of a `GradientReport`, whose attributes these are."""

    @property
    def blocks(self) -> tuple[Block, ...]: ...

    @property
    def entries(self) -> Entries: ...

    @property
    def directions(self) -> NDArray[Any]: ...

    @property
    def parts(self) -> tuple[Part, ...]: ...

    @property
    def causes(self) -> tuple[str, ...]: ...

    @property
    def mode(self) -> str: ...

    @property
    def why(self) -> str: ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    @property
    def verdict(self) -> str: ...

    @property
    def worst(self) -> int: ...

    def name(self, place: int) -> str: ...

    def missed(self, share: float) -> float: ...
