"""The interface of a loss, and how a callable becomes one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from ..base.record import Record

CustomLoss = Callable[[Any, Any], tuple[float, Any]]
"""(outputs, y) -> (value, d value / d outputs), in NumPy; outputs has shape (n, k)."""


class Loss(Record, ABC):
    """Interface of the losses; each one is a frozen dataclass of hyper-parameters."""

    __match_args__: ClassVar[tuple[str, ...]]

    target: ClassVar[str] = "real"
    """Kind of target: "real", "nonnegative", "unit" ([0, 1]), "sign" (-1 or 1), "class"."""

    kink: ClassVar[str] = ""
    """What is 0 where the slope jumps: "residual", z - y; "margin", 1 - y z; "" if nothing jumps."""

    @property
    @abstractmethod
    def formula(self) -> str:
        """Formula for one output z and its target y."""

    def option(self) -> float:
        """Return the hyper-parameter that the kernel takes, the loss's first field; 0 if there is none."""
        names = self.__match_args__
        return float(getattr(self, names[0])) if names else 0.0
