"""The interface of what trains many models."""

from abc import ABC, abstractmethod
from typing import Any

from numpy.typing import NDArray

from gdcore.bench.problems import Problem

from .cases import Work

ALL = 1_000_000


class ManyLibrary(ABC):
    """Interface of what trains many models; each has a process of its own, with one object."""

    most_models: int = ALL
    """Models that it trains; times are per model and step."""

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """Return the library's version, and what else decides its speed."""

    def refuses(self, task: str, problem: Problem) -> str:
        """Return why the library does not take part; "" if it does."""
        return ""

    @abstractmethod
    def setup(self, work: Work) -> None:
        """Take the data and the initial parameters, in the library's form; nothing is trained or compiled."""

    @abstractmethod
    def fit(self) -> object:
        """Train all models from their initial parameters."""

    @abstractmethod
    def parameters(self) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
        """Return the trained weights and biases of each layer, as those of `Work`, of the first models at least."""

    @abstractmethod
    def wait(self) -> None:
        """Return when all work is done."""
