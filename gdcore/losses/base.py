"""The interface of a loss, and how a callable becomes one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from ..base.record import call_repr

CustomLoss = Callable[[Any, Any], tuple[float, Any]]
"""(outputs, y) -> (value, d value / d outputs), in NumPy; outputs has shape (n, k)."""


class Loss(ABC):
    """Interface of the losses; each one is a frozen dataclass of hyper-parameters."""

    name: ClassVar[str]
    """Name in the kernels and in strings."""
    aliases: ClassVar[tuple[str, ...]] = ()
    """Short names."""
    formula: ClassVar[str]
    """Formula for one output z and its target y."""
    target: ClassVar[str] = "real"
    """Kind of target: "real", "nonnegative", "unit" ([0, 1]), "sign" (-1 or 1), "class"."""

    kink: ClassVar[str] = ""
    """What is 0 where the slope jumps: "residual", z - y; "margin", 1 - y z; "" if nothing jumps."""

    @abstractmethod
    def option(self) -> float:
        """Return the hyper-parameter that the kernel takes, 0 if there is none."""

    def __repr__(self) -> str:
        return call_repr(self)  # type: ignore[arg-type]  # each loss is a dataclass
