"""The interface of a measured library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from .problems import Problem, Workload


class Library(ABC):
    """Interface of a measured library; each has a process of its own, with one object."""

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """Return the library's version, and what else decides its speed."""

    @abstractmethod
    def refuses(self, task: str, problem: Problem) -> str:
        """Return why the library does not take part in a task on a problem; "" if it does."""

    @abstractmethod
    def setup(self, work: Workload) -> None:
        """Get ready to train from the initial parameters, without any earlier state."""

    @abstractmethod
    def array(self, values: NDArray[Any]) -> Any:
        """Return the numbers in the library's preferred form; this is not timed."""

    @abstractmethod
    def step(self, xb: Any, yb: Any) -> object:
        """Make one update on these rows (from `array`), called from Python; it also computes their loss."""

    @abstractmethod
    def epoch(self) -> object:
        """Make one pass over the data in order, in batches, in the library's fastest way."""

    @abstractmethod
    def loss(self) -> float | None:
        """Return the mean loss of all samples at the current parameters; None if nothing is trained."""

    @abstractmethod
    def predict(self, X: Any) -> Any:
        """Return raw outputs of rows from `array`, readable by `numpy.asarray`; None if nothing is predicted."""

    @abstractmethod
    def check_gradients(self) -> NDArray[np.float64]:
        """Check the gradient of the first batch's loss over every parameter and return that gradient, (n_params,).

        In float64, at the initial parameters; by differences, or as the checker has approved it.

        Raises
        ------
        GradientError
            Where the check fails.
        """

    @abstractmethod
    def wait(self) -> None:
        """Return when all work is done."""


@final
@dataclass(frozen=True)
class Entry:
    """A library's row in a registry, or a variant of it; the adapter is imported only in the library's process.

    Attributes
    ----------
    name : str
        In commands and tables.
    adapter : str
        "module:class", or a function without arguments that makes the object.
    needs : str
        The module without which the library is left out.
    library : str, default ""
        The library that this is a variant of.
    threads : int, default 0
        Threads, and cores that the process is pinned to; 0 leaves it to the case.
    environment : tuple of (str, str)
        Variables of its process.
    changes : tuple of (str, value)
        Fields of the problem that it replaces.
    python : str, default ""
        The interpreter of its process; "" for the one that runs this.
    """

    name: str
    adapter: str
    needs: str
    library: str = ""
    threads: int = 0
    environment: tuple[tuple[str, str], ...] = ()
    changes: tuple[tuple[str, Any], ...] = ()
    python: str = ""

    def variant(
        self, name: str, *, threads: int = 0, environment: tuple[tuple[str, str], ...] = (), **changes: Any
    ) -> Entry:
        """Return the same library under another name and other conditions; `changes` apply to the problem."""
        return replace(
            self,
            name=name,
            library=self.name,
            threads=threads,
            environment=environment,
            changes=tuple(changes.items()),
        )


def find(path: str) -> Any:
    """Return the object that "module:name" names."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
